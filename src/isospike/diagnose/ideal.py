"""What the neurons of one layer would put out if their current did not change over time."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isospike.neurons import Emitter, RateNeuron, Temporal

MEMORY_BUDGET = 32 * 2**20
"""Bytes for the trains of one chunk of time."""


def constant_output(neuron: nn.Module, z: Tensor, *, steps: int, probe: int) -> Tensor:
    """Mean output ``Q(z)`` of neurons for the same current ``z [B, ...]`` at every step, in activation units.

    Streaming neurons are run. For integrate-and-fire neurons that start at ``0 <= v_init < v_threshold`` the result is
    the clip-floor quantiser ``(v_threshold / T) clip(floor((v_init + T z) / v_threshold), 0, T)``, rounding aside.
    Accumulate-then-emit neurons have their quantiser.

    Args:
        neuron: the layer.
        z: its current.
        steps: number of steps T of a streaming network.
        probe: how many of them are for probing and left out of the mean.
    """
    if not isinstance(neuron, Temporal):
        return decoded(neuron, neuron(z))
    size = z.numel() * z.element_size()
    chunk = steps if neuron.whole_train else max(1, MEMORY_BUDGET // size)
    memory, total = neuron.start(z), torch.zeros_like(z)
    for start in range(0, steps, chunk):
        count = min(chunk, steps - start)
        out, _ = neuron.advance(z.expand(count, *z.shape), memory, overwrite=False)
        total += out[max(probe - start, 0) :].sum(0)
    return total / (steps - probe)


def clipped(neuron: nn.Module, a: Tensor) -> Tensor:
    """``min(a, m)`` of activations ``a``, with ``m`` the largest mean output of the neurons."""
    return torch.minimum(a, largest_output(neuron, a))


def largest_output(neuron: nn.Module, like: Tensor) -> Tensor:
    """The largest mean output ``m``: every event as large as can be, one at every step."""
    if isinstance(neuron, Emitter):
        return neuron.levels * neuron.step
    limit: Tensor = neuron(torch.full_like(like[:1], torch.inf))
    return limit


def bound_of(neuron: nn.Module, like: Tensor) -> Tensor:
    """The bound that the thresholds stand for, as a scale rule finds it; bursts go beyond."""
    if isinstance(neuron, RateNeuron):
        return neuron.core.v_threshold * neuron.core.spikes_to_bound(largest=neuron.core.largest)
    return largest_output(neuron, like)


def decoded(neuron: nn.Module, output: Tensor) -> Tensor:
    """Outputs of neurons in activation units: those of networks on the binary grid are whole numbers."""
    if isinstance(neuron, Emitter) and not torch.equal(neuron.amplitude, neuron.unit):
        return output * (neuron.unit / neuron.amplitude)
    return output
