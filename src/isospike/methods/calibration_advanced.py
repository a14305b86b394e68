"""Calibration, advanced: thresholds, weights and initial potentials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from isospike.methods.calibrated import CalibratedMethod
from isospike.methods.method import register
from isospike.options import Count, CountOrZero, Positive
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

    refine_images: Count = 1024
    """Calibration images."""
    iterations: CountOrZero = 5000
    """Mini-batches of the weight calibration, for each layer; 0 leaves the weights as they are."""
    refine_batch: Count = 32
    """Images in a mini-batch of the weight calibration."""
    learning_rate: Positive = 1e-5
    """Of the weight calibration, at its start."""
    optimiser: Optimiser = "adam"
    """Of the weight calibration."""
    order: Literal["weights-first", "potentials-first"] = "weights-first"
    """Potentials that are calibrated before the weights are stale afterwards; the paper's text has them first, layer by
    layer."""

    def refinements(self) -> tuple[Refinement, ...]:
        """Shift, weights, potentials."""
        weights = WeightCalibration(
            self.refine_images, self.iterations, self.refine_batch, self.learning_rate, self.optimiser
        )
        passes = (weights, PotentialCalibration(self.refine_images))
        return (BiasShift(), *(passes if self.order == "weights-first" else reversed(passes)))
