"""The neuron that sends the binary digits of what it has, all in one step."""

from __future__ import annotations

from typing import ClassVar

from isospike.neurons.burst import BurstNeuron
from isospike.neurons.streaming_neuron import streaming


class HarmonyNeuron(BurstNeuron):
    """``s_t = clip(floor(v / v_threshold), 0, largest)`` with a spike for every binary digit of ``s_t``; soft reset.

    Thresholds ``v_threshold 2^i``, compared from the largest down in one step; n of them are ``largest = 2^n - 1``. At
    signed sites the two halves that communicate send ``clip(floor(v / v_threshold), -largest, largest)``: they are one
    neuron without a lower bound, but for exact ties, at which the halves fire one too many and take it back for ever.
    The arguments are those of `BurstNeuron`.

    References:
        *Generalized Threshold Optimization with Harmony Multi-Threshold Neurons for Accurate ANN-to-SNN Conversion*
        (AAAI 2026), with the sign of the release in its eq. 21.
    """

    papers: ClassVar[tuple[str, ...]] = ("harmony2026generalized",)
    default_largest: ClassVar[int] = 15
    digits: ClassVar[bool] = True

    @classmethod
    def spikes_to_bound(cls, **sizes: int) -> int:
        """The largest event is the bound: ``v_threshold = bound / (2^n - 1)``."""
        return sizes["largest"]


streaming.register("harmony", HarmonyNeuron)
