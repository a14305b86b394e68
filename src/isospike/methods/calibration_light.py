"""Calibration, light: thresholds and biases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike.methods.calibrated import CalibratedMethod
from isospike.methods.method import register
from isospike.options import Count
from isospike.refine import BiasCalibration, BiasShift
from isospike.refine.refinement import Refinement


@register
@dataclass(frozen=True, kw_only=True)
class CalibrationLight(CalibratedMethod):
    """MMSE thresholds and calibrated biases, for each number of steps (Li et al. 2021, light pipeline).

    The threshold with the least squared error for T steps, ``b + theta / (2 T)`` at every step, and a bias per channel
    that gives every layer the mean output that it has in the ANN. Forward passes only; a few minutes for large
    networks. Use it from about 16 steps with IF neurons, from 4 with buffered ones. Needs T in advance.
    """

    papers: ClassVar[tuple[str, ...]] = ("li2021free",)

    refine_images: Count = 128
    """Images of the bias calibration."""

    def refinements(self) -> tuple[Refinement, ...]:
        """Shift, then bias calibration."""
        return (BiasShift(), BiasCalibration(self.refine_images))
