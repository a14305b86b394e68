"""Optimal thresholds with a bias shift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike.methods.calibrated import CalibratedMethod
from isospike.methods.method import register
from isospike.refine import BiasShift
from isospike.refine.refinement import Refinement
from isospike.scales.rule import RuleName


@register
@dataclass(frozen=True, kw_only=True)
class Opt(CalibratedMethod):
    """Largest activation as threshold, and half a threshold of current spread over the steps (Deng and Gu 2021).

    ``theta = max(relu(z))``, or the learned bound of a clipped ReLU; ``v_init = 0`` and ``b + theta / (2 T)`` at every
    step, the shift that makes the expected error of a layer zero. It needs T in advance. Use it to compare; opi puts
    the same half threshold into the initial potential, which works for any T and comes earlier.
    """

    papers: ClassVar[tuple[str, ...]] = ("deng2021optimal",)

    scale: RuleName = "maximum"

    def refinements(self) -> tuple[Refinement, ...]:
        """The shift."""
        return (BiasShift(),)
