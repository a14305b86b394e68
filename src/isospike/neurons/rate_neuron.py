"""What all neurons with a rate code promise, whatever they do before they run."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from isospike.neurons.temporal import Temporal

if TYPE_CHECKING:
    from isospike.neurons.streaming_neuron import StreamingNeuron


class RateNeuron(Temporal):
    """A neuron whose mean output over time stands for the activation of the ANN."""

    spikes = True
    probe_steps: int = 0
    """Steps at the start of a run that the neuron uses to find out about itself and that the answer leaves out."""

    @property
    @abstractmethod
    def core(self) -> StreamingNeuron:
        """The neurons that integrate and fire: their threshold is the amplitude of the output."""
