"""A value that is the same for every sample, in a place where it needs the axis of the batch."""

from __future__ import annotations

from torch import Tensor, nn


class BatchConstant(nn.Module):
    """``y[b] = bias`` for every sample ``b`` of the input: affine, its linear part is zero.

    Args:
        value: of one sample, ``[...]``.
    """

    def __init__(self, value: Tensor) -> None:
        super().__init__()
        self.bias = nn.Parameter(value.detach(), requires_grad=value.is_floating_point())

    def forward(self, x: Tensor) -> Tensor:
        """The value once for every sample of ``x`` ``[B, ...]``: ``[B, ...]``."""
        return self.bias.expand(len(x), *self.bias.shape).clone()  # a neuron may write over its currents

    def extra_repr(self) -> str:
        """The shape of one sample."""
        return str(list(self.bias.shape))
