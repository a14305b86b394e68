"""A value that is the same for every sample, in a place where it needs the axis of the batch."""

from __future__ import annotations

from torch import Tensor, nn


class BatchConstant(nn.Module):
    """``y[b] = bias`` for every sample ``b`` of the input: affine, its linear part is zero.

    Args:
        value: of one sample, ``[...]``; ``[rows, ...]`` where it has several.
        rows: how many rows of the result a sample has.
    """

    def __init__(self, value: Tensor, rows: int = 1) -> None:
        super().__init__()
        self.rows = rows
        self.bias = nn.Parameter(value.detach(), requires_grad=value.is_floating_point())

    def forward(self, x: Tensor) -> Tensor:
        """The value once for every sample of ``x`` ``[B, ...]``: ``[B * rows, ...]``."""
        values = self.bias.expand(len(x), *self.bias.shape)
        return values.clone() if self.rows == 1 else values.flatten(0, 1)  # a neuron may write over its currents

    def extra_repr(self) -> str:
        """The shape of one sample."""
        return str(list(self.bias.shape))
