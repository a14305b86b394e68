"""What all neurons of streaming networks are: modules with memory over time, a threshold and a start."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from isospike.neurons.neuron import Kind, Neuron
from isospike.neurons.temporal import Temporal

CHUNK_BYTES = 32 * 2**20
"""For the trains of one chunk of time."""


class RateNeuron(Temporal, Neuron):
    """A neuron that spikes while its input still comes; its rate is the code."""

    kind = Kind.STREAMING
    spikes: ClassVar[bool] = True
    v_threshold: Tensor
    """Threshold and amplitude, in activation units."""
    v_init: Tensor
    """Membrane potential before the first step."""

    @property
    def worth(self) -> Tensor:
        """The threshold."""
        return self.v_threshold

    def constant_output(self, z: Tensor, *, steps: int, probe: int) -> Tensor:
        """The neuron is run.

        For integrate-and-fire neurons that start at ``0 <= v_init < v_threshold`` the result is the clip-floor
        quantiser ``(v_threshold / T) clip(floor((v_init + T z) / v_threshold), 0, T)``, rounding aside.
        """
        chunk = steps if self.whole_train else max(1, CHUNK_BYTES // (z.numel() * z.element_size()))
        memory, total = self.start(z), torch.zeros_like(z)
        for start in range(0, steps, chunk):
            count = min(chunk, steps - start)
            out, _ = self.advance(z.expand(count, *z.shape), memory, overwrite=False)
            total += out[max(probe - start, 0) :].sum(0)
        return total / (steps - probe)

    def largest_output(self, like: Tensor) -> Tensor:
        """That of an infinite current."""
        limit: Tensor = self(torch.full_like(like[:1], torch.inf))
        return limit
