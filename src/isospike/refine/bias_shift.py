"""Half a threshold of current, spread over the steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike.graphs.graph import Graph
from isospike.refine.own_neurons import with_own_neurons
from isospike.refine.refinement import Calibration, Refinement


@dataclass(frozen=True)
class BiasShift(Refinement):
    """Add ``(v_threshold / 2 - v_init) / T`` to the current at every step: half a threshold in all, so counts round.

    From ``v_init = 0`` that is the paper's ``v_threshold / (2 T)``. For a constant current it is the same as ``v_init =
    v_threshold / 2``, which leaves nothing to add; other currents see it late.

    References:
        Deng and Gu 2021, *Optimal Conversion of Conventional Artificial Neural Networks to Spiking Neural Networks*,
        section 4.2.
    """

    papers: ClassVar[tuple[str, ...]] = ("deng2021optimal",)
    serves_signed = True

    def refine(self, ann: Graph, spiking: Graph, calibration: Calibration) -> Graph:
        """See `Refinement.refine`."""
        steps = calibration.horizon("a bias shift")
        shifted, neurons = with_own_neurons(spiking, "a bias shift")
        for neuron in neurons:
            neuron.add_bias((neuron.v_threshold / 2 - neuron.v_init).unsqueeze(0) / steps)
        return shifted
