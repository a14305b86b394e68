"""The soft-reset integrate-and-fire neuron."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isospike.memory_format import empty_sequence
from isospike.neurons.temporal import Memory, Temporal


class IntegrateAndFire(Temporal):
    """Integrate-and-fire neurons with soft reset and a rate code, in mean form.

    ``v <- v + z_t``; ``s_t = [v >= v_threshold]``; ``v <- v - v_threshold * s_t``; the output at step ``t`` is
    ``v_threshold * s_t``. For a constant current ``z`` and ``0 <= v_init < v_threshold`` the spike count after ``T``
    steps is ``clip(floor((v_init + T z) / v_threshold), 0, T)``, so the mean output converges to
    ``clip(z, 0, v_threshold)`` as ``1/T``.

    Args:
        v_threshold: threshold and amplitude in activation units; scalar or ``[C, 1, 1]``.
        v_init: membrane potential before the first step, same shape.
        activation: the activation of the ANN in whose place the neuron stands; a ReLU by default.

    References:
        Rueckauer et al. 2017, *Conversion of Continuous-Valued Deep Networks to Efficient Event-Driven Networks*,
        eq. 4 (reset by subtraction).
    """

    spikes = True
    v_threshold: Tensor
    v_init: Tensor

    def __init__(self, v_threshold: Tensor, v_init: Tensor, activation: nn.Module | None = None) -> None:
        super().__init__()
        self.register_buffer("v_threshold", v_threshold)
        self.register_buffer("v_init", v_init)
        self.activation = nn.ReLU() if activation is None else activation

    def forward(self, x: Tensor) -> Tensor:
        """``clip(x, 0, v_threshold)``: what the mean output converges to."""
        return torch.minimum(x.clamp(min=0), self.v_threshold)

    def start(self, x: Tensor) -> Memory:
        """Membrane potentials at ``v_init``."""
        return {"v": torch.empty_like(x).copy_(self.v_init)}

    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, Tensor]:
        """Five element-wise passes a step, all in place; see `Temporal.advance`."""
        v, theta = memory["v"], self.v_threshold
        out = x if overwrite else empty_sequence(x)
        axes = tuple(range(1, v.dim()))
        counts = []
        for current, spikes in zip(x.unbind(), out.unbind(), strict=True):
            v.add_(current)
            torch.ge(v, theta, out=spikes)
            counts.append(spikes.sum(axes, dtype=_count_dtype(v.dtype)))
            spikes.mul_(theta)
            v.sub_(spikes)
        return out, torch.stack(counts).long()

    def source(self) -> nn.Module:
        """The activation this neuron replaces."""
        return self.activation

    def extra_repr(self) -> str:
        """Shape of the threshold."""
        return f"v_threshold={list(self.v_threshold.shape)}"


def _count_dtype(dtype: torch.dtype) -> torch.dtype:
    """Sums of 0/1 are exact in float32 up to 2^24 neurons a sample; half precision is not enough."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
