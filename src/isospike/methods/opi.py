"""Optimised initial potentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import ScaledMethod
from isospike.options import Decay
from isospike.scales.rule import RuleName


@register
@dataclass(frozen=True, kw_only=True)
class OPI(ScaledMethod):
    """Maximum or percentile thresholds and neurons that start at half a threshold (Bu et al. 2022, OPI).

    ``v_init = theta / 2`` minimises the expected squared residual potential if that is uniform. It costs nothing and
    helps at every T; the baseline for all training-free methods with IF neurons. Not for fewer than 16 steps, where
    buffered neurons lose much less.
    """

    papers: ClassVar[tuple[str, ...]] = ("bu2022optimized",)

    v_init: Decay | None = 0.5
    scale: RuleName = "maximum"

    def parts(self) -> Parts:
        """Any scale, IF neuron."""
        return self._streaming(self._rule())
