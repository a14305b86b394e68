"""PASCAL: spike accumulation with inhibition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from isospike.methods.emitting import EmittingMethod
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.neurons import Pasc
from isospike.options import Range

DEFAULT_LEVELS = 8
MOST_LEVELS = 2**16 - 1


@register
@dataclass(frozen=True, kw_only=True)
class Pascal(EmittingMethod):
    """Unary codes by spike counting with inhibition: the quantised ANN in L steps (Ramesh and Srinivasan 2025).

    Every layer integrates and counts its spikes, corrects the count by inhibitory spikes when the input has ended,
    and emits as many spikes: ``Q(z; u, L, 1/2)``, ``u = bound / L``. All spikes have the same weight. Use it where
    spikes cannot be weighted; bit-coded needs ``log2`` as many steps for the same levels. Not when answers are wanted
    before the last step.
    """

    papers: ClassVar[tuple[str, ...]] = ("ramesh2025pascal",)
    most_steps: ClassVar[int] = 64

    levels: Annotated[int, Range(1, MOST_LEVELS)] | None = None
    """Levels L of every site, and as many steps; by default those that were learned, elsewhere 8."""

    def parts(self) -> Parts:
        """Learned or calibrated scale, PASC neurons."""
        return self._emitting(Pasc, self.levels, DEFAULT_LEVELS)
