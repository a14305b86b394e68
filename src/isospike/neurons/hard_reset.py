"""The integrate-and-fire neuron whose membrane potential is set to zero by a spike."""

from __future__ import annotations

from torch import Tensor

from isospike.kernels import count, each_step
from isospike.memory_format import empty_sequence
from isospike.neurons.streaming_neuron import StreamingNeuron, stacked, streaming
from isospike.neurons.temporal import EventCounts, Memory


class HardReset(StreamingNeuron):
    """``v <- v + (z_t + bias_t)``; ``s_t = [v >= v_threshold]``; ``v <- 0`` where there was a spike.

    What exceeds the threshold is lost, so the mean output of a constant current ``z`` is
    ``v_threshold / ceil(v_threshold / z)`` in the long run, which `forward` is an upper bound of. The arguments are
    those of `StreamingNeuron`.

    References:
        Diehl et al. 2015, *Fast-Classifying, High-Accuracy Spiking Deep Networks Through Weight and Threshold
        Balancing*.
    """

    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, EventCounts]:
        """One step after the other; see `Temporal.advance`."""
        biases = self.biases(memory, len(x))
        out = x if overwrite else empty_sequence(x)
        v, counts = memory["v"], []
        for current, spikes in zip(each_step(x, biases), out.unbind(), strict=True):
            v.add_(current)
            fires = v >= self.v_threshold
            v.masked_fill_(fires, 0)
            spikes.copy_(fires)
            counts.append(count(spikes, self.largest))
            spikes.mul_(self.v_threshold)
        return out, stacked(counts)


streaming.register("hard-reset", HardReset)
