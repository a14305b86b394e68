"""Potential calibration: an initial membrane potential for every neuron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isospike.graphs.graph import Graph
from isospike.options import Count
from isospike.refine.refinement import Calibration, Refinement
from isospike.refine.sweep import SweptLayer, sweep


@dataclass(frozen=True)
class PotentialCalibration(Refinement):
    """Give every neuron the mean output that it has in the ANN, by its initial potential.

    With the ANN's output ``x`` and the mean output ``s`` over T steps, the next ``n`` images after ``m`` others give

        v_init <- v_init + T n / (m + n) mean_batch(x - s),    shape [C, H, W]

    layer by layer in one pass. The mean over the batch is implied in the paper. Every neuron has its own potential,
    so the data must be many and the images aligned; a network for other positions needs bias calibration instead.

    References:
        Li et al. 2021, *A Free Lunch From ANN*, section 4.3, potential calibration.
    """

    papers: ClassVar[tuple[str, ...]] = ("li2021free",)
    serves_signed = True

    images: Count = 1024
    """Calibration images."""

    def refine(self, ann: Graph, spiking: Graph, calibration: Calibration) -> Graph:
        """See `Refinement.refine`."""
        batches = calibration.batches.images(self.images)
        return sweep(ann, spiking, batches, calibration=calibration, correct=_correct, what="potential calibration")


def _correct(layer: SweptLayer, currents: Tensor, target: Tensor) -> Tensor:
    error = (target - layer.train_of(currents).mean(0)).mean(0)
    layer.neuron.v_init = layer.neuron.v_init + error * (len(currents) * float(layer.weight))
    return layer.train_of(currents)
