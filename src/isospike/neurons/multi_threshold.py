"""The neuron with thresholds a factor of two apart."""

from __future__ import annotations

from typing import ClassVar

from isospike.kernels import Rounding
from isospike.neurons.buffered import BufferedNeuron
from isospike.neurons.streaming_neuron import streaming


class MultiThreshold(BufferedNeuron):
    """One spike of the threshold that is nearest to the potential, upwards or back.

    It sends the largest ``lambda = v_threshold 2^i``, ``2^i`` up to ``largest``, with ``|v| >= 3/4 lambda``, with the
    sign of ``v``, or nothing; soft reset. Of a rectifier no more is taken back than was sent. A potential is rounded to
    nearest as it is, so neurons start at zero. The other arguments are those of `BufferedNeuron`; n thresholds are
    ``largest = 2^(n-1)``.

    References:
        Huang et al. 2024, *Towards High-performance Spiking Transformers from ANN to SNN Conversion*.
    """

    papers: ClassVar[tuple[str, ...]] = ("huang2024towards",)
    default_largest: ClassVar[int] = 8
    rounding: ClassVar[Rounding] = Rounding.TO_POWER
    rounds_itself = True
    digits: ClassVar[bool] = True


streaming.register("multi-threshold", MultiThreshold)
