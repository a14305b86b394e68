"""Forward temporal bias correction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike.methods.calibrated import CalibratedMethod
from isospike.methods.method import register
from isospike.options import Count, Decay, Part
from isospike.refine import TemporalBiasCalibration
from isospike.refine.refinement import Refinement


@register
@dataclass(frozen=True, kw_only=True)
class FTBC(CalibratedMethod):
    """A calibrated current for every channel and step (Wu et al. 2024, forward temporal bias correction).

    Layer by layer and step by step, the mean error of every channel's output against the ANN's is taken off its
    current at that step. Forward passes of a few batches; works with any thresholds and neurons, on ReLU and QCFS
    networks. Needs T in advance; with integrate-and-fire neurons it gains most at few steps.
    """

    papers: ClassVar[tuple[str, ...]] = ("wu2024ftbc",)

    v_init: Decay | None = None
    iterations: Count = 10
    """Calibration batches."""
    learning_rate: Part = 0.5
    """Part of the error that one batch takes away."""

    def refinements(self) -> tuple[Refinement, ...]:
        """Temporal bias calibration."""
        return (TemporalBiasCalibration(self.iterations, self.learning_rate),)
