"""The neuron with negative spikes and a memory of those it has emitted."""

from __future__ import annotations

from isospike.kernels import Rounding
from isospike.neurons.streaming_neuron import streaming
from isospike.neurons.tracker import Tracker


class SignedMemory(Tracker):
    """Takes a spike back when a whole threshold is missing, as long as it has emitted more than it took back.

    ``s_t = 1`` for ``v >= v_threshold``, ``-1`` for ``v <= -v_threshold`` and ``n > 0``, else 0; soft reset, and
    ``n <- n + s_t``. The arguments are those of `StreamingNeuron`.

    References:
        Wang et al. 2022, *Signed Neuron with Memory: Towards Simple, Accurate and High-Efficient ANN-SNN Conversion*.
    """

    papers = ("wang2022signed",)
    serves_signed = False  # from half a threshold on it would round values of the two signs differently
    down = 1
    rounding = Rounding.TOWARDS_ZERO


streaming.register("signed-memory", SignedMemory)
