"""The buffered neuron whose spikes carry any whole number."""

from __future__ import annotations

from typing import ClassVar

from isospike.neurons.buffered import BufferedNeuron
from isospike.neurons.streaming_neuron import streaming


class Graded(BufferedNeuron):
    """A `BufferedNeuron` neuron without powers of two: ``adj(k) = min(k, largest)``, graded spikes.

    A constant current has its ideal count at every step for every ``largest``, which may be any whole number. The other
    arguments are those of `BufferedNeuron`.

    References:
        *A High Performance and Low Latency Deep Spiking Neural Networks Conversion Framework*, whose adj is left out.
    """

    default_largest: ClassVar[int] = 8
    powers_of_two: ClassVar[bool] = False


streaming.register("graded", Graded)
