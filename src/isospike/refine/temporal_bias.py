"""Temporal bias calibration: a current of its own for every step and channel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from isospike.graphs.graph import Graph
from isospike.options import Count, Part
from isospike.refine.refinement import Calibration, Refinement
from isospike.refine.sweep import SweptLayer, sweep


@dataclass(frozen=True)
class TemporalBiasCalibration(Refinement):
    """Correct the mean output of every channel at every step.

    Layer by layer and step by step: the error of the output at step t against the ANN's output ``a``,

        e = s_t - a,    b_t,c <- b_t,c - learning_rate mean(e_c),

    the mean over batch and space; then the step is taken again with the corrected current, so that later steps and the
    layers behind see the network that will run. Of a batch that is too large for the memory budget each part takes its
    share of the rate. The step's current ``b_t`` belongs to the neurons; it exists for the T steps that were
    calibrated.

    References:
        Wu et al. 2024, *FTBC: Forward Temporal Bias Correction for Optimizing ANN-SNN Conversion*, algorithm 1. Read
        literally, every neuron goes on with its own error taken off instead of the channel's mean: neurons that no
        image of another batch has. That calibrates worse, and worse with more batches.
    """

    papers: ClassVar[tuple[str, ...]] = ("wu2024ftbc",)
    serves_signed = True

    iterations: Count = 10
    """Batches."""
    learning_rate: Part = 0.5
    """Part of the error that one batch takes away."""

    def refine(self, ann: Graph, spiking: Graph, calibration: Calibration) -> Graph:
        """See `Refinement.refine`."""
        batches = calibration.batches.take(self.iterations)
        return sweep(
            ann, spiking, batches, calibration=calibration, correct=self._correct, what="temporal bias calibration"
        )

    def _correct(self, layer: SweptLayer, currents: Tensor, target: Tensor) -> Tensor:
        neuron, emitted, changes = layer.neuron, [], []
        memory, rate = neuron.start(currents[0]), self.learning_rate * float(layer.share)
        for current in currents.split(1):
            before = {key: value.clone() for key, value in memory.items()}
            tried, _ = neuron.advance(current, before, overwrite=False)
            changes.append(layer.channel_mean(tried[0] - target) * -rate)
            out, _ = neuron.advance(current + changes[-1], memory, overwrite=True)
            emitted.append(out)
        neuron.add_bias(torch.stack(changes))
        return torch.cat(emitted)
