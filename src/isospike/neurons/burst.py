"""The neuron that emits several spikes at once."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from isospike.neurons.streaming_neuron import streaming
from isospike.neurons.tracker import Tracker


class BurstNeuron(Tracker):
    """``s_t = clip(floor(v / v_threshold), 0, largest)`` spikes at step t, with soft reset.

    Its mean output saturates at ``largest * v_threshold``, so thresholds below the largest activation lose little.

    Args:
        v_threshold: see `StreamingNeuron`, as the arguments below.
        v_init: membrane potential before the first step.
        activation: the activation of the ANN.
        largest: most spikes of one burst, Gamma; ``default_largest`` unless given.
        bias: currents of the neuron's own.

    References:
        Li & Zeng 2022, *Efficient and Accurate Conversion of Spiking Neural Network with Burst Spikes*;
        Gamma = 5.
    """

    papers: ClassVar[tuple[str, ...]] = ("li2022efficient",)
    default_largest: ClassVar[int] = 5

    def __init__(
        self,
        v_threshold: Tensor,
        v_init: Tensor,
        activation: nn.Module | None = None,
        *,
        largest: int | None = None,
        bias: Tensor | None = None,
    ) -> None:
        super().__init__(v_threshold, v_init, activation, bias=bias)
        self.largest = super().sizes(largest, capped=False)["largest"]

    @classmethod
    def sizes(cls, largest: int | None, *, capped: bool) -> dict[str, int]:
        """One spike at a time where the activation has a ceiling that bursts would go beyond."""
        sizes = super().sizes(largest, capped=capped)
        return {"largest": 1} if capped and cls.spikes_to_bound(**sizes) < sizes["largest"] else sizes


streaming.register("burst", BurstNeuron)
