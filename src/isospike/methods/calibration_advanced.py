"""Calibration, advanced: thresholds, weights and initial potentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from isospike.methods.calibrated import CalibratedMethod
from isospike.methods.method import register
from isospike.refine import BiasShift, PotentialCalibration, WeightCalibration
from isospike.refine.refinement import Refinement
from isospike.refine.weights import Optimiser


@register
@dataclass(frozen=True, kw_only=True)
class CalibrationAdvanced(CalibratedMethod):
    """MMSE thresholds, calibrated weights and initial potentials, for each number of steps (Li et al. 2021, advanced).

    The thresholds of the light pipeline; weights of every layer trained on cached mean outputs so that the layer's
    output is the ANN's; then an initial potential for every neuron. Minutes per layer and number of steps, and a set
    of weights for each: use it where T is fixed and small networks run often, not to try things out. With
    ``iterations = 0`` potentials alone are calibrated.
    """

    papers: ClassVar[tuple[str, ...]] = ("li2021free",)

    refine_images: int = 1024
    """Calibration images."""
    iterations: int = 5000
    """Mini-batches of the weight calibration, for each layer; 0 leaves the weights as they are."""
    refine_batch: int = 32
    """Images in a mini-batch of the weight calibration."""
    learning_rate: float = 1e-5
    """Of the weight calibration, at its start."""
    optimiser: Optimiser = "adam"
    """Of the weight calibration."""
    order: Literal["weights-first", "potentials-first"] = "weights-first"
    """Potentials that are calibrated before the weights are stale afterwards; the paper's text has them first, layer by
    layer."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        for option in ("refine_images", "refine_batch"):
            self._require_whole(option, 1)
        self._require_whole("iterations", 0)
        self._require(0 < self.learning_rate < float("inf"), "learning_rate", "positive and finite")

    def refinements(self) -> tuple[Refinement, ...]:
        """Shift, weights, potentials."""
        weights = WeightCalibration(
            self.refine_images, self.iterations, self.refine_batch, self.learning_rate, self.optimiser
        )
        passes = (weights, PotentialCalibration(self.refine_images))
        return (BiasShift(), *(passes if self.order == "weights-first" else reversed(passes)))
