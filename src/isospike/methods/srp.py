"""Silencing by residual membrane potential."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike.methods.method import register
from isospike.methods.probing import ProbingMethod
from isospike.neurons import Probing, ResidualMask


@register
@dataclass(frozen=True, kw_only=True)
class SRP(ProbingMethod):
    """Neurons that a probe leaves with a negative potential stay silent afterwards (Hao et al. 2023, SRP).

    After ``probe`` steps the sign of the residual potential tells neurons whose mean current is not positive; they are
    switched off, the others start again. Made for networks trained with QCFS at few steps; the probing steps are part
    of T. Not for T below twice the probe, and not where an answer is wanted during the first steps.
    """

    papers: ClassVar[tuple[str, ...]] = ("hao2023reducing",)
    kind: ClassVar[type[Probing]] = ResidualMask
