"""Bias calibration of streaming networks: a constant current for every channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from isospike.graphs.graph import Graph
from isospike.options import Count
from isospike.refine.refinement import Calibration, Refinement
from isospike.refine.sweep import SweptLayer, sweep


@dataclass(frozen=True)
class BiasCalibration(Refinement):
    """Give every channel the mean output that it has in the ANN, by a current at every step.

    With the ANN's output ``x``, the mean output ``s`` of the neurons over T steps and their mean over batch and space,
    the next ``n`` images after ``m`` others give

        b_c <- b_c + n / (m + n) mean(x_c - s_c)

    layer by layer in one pass, so that a layer sees sources that are corrected already. For one batch that is the
    correction of the paper; over several it is stochastic approximation of the bias at which the means agree. The
    currents belong to the neurons; no parameter of the ANN changes.

    References:
        Li et al. 2021, *A Free Lunch From ANN*, section 4.2, bias calibration.
    """

    papers: ClassVar[tuple[str, ...]] = ("li2021free",)
    serves_signed = True

    images: Count = 128
    """Calibration images."""

    def refine(self, ann: Graph, spiking: Graph, calibration: Calibration) -> Graph:
        """See `Refinement.refine`."""
        batches = calibration.batches.images(self.images)
        return sweep(ann, spiking, batches, calibration=calibration, correct=_correct, what="bias calibration")


def _correct(layer: SweptLayer, currents: Tensor, target: Tensor) -> Tensor:
    error = target - layer.train_of(currents).mean(0)
    layer.neuron.add_bias(layer.channel_mean(error).unsqueeze(0) * float(layer.weight))
    return layer.train_of(currents)
