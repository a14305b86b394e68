"""A per-channel affine map: what is left of a batch normalisation that no convolution precedes."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelAffine(nn.Module):
    """``y[:, c] = weight[c] * x[:, c] + bias[c]`` on ``[B, C, ...]``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Scale and shift every channel."""
        shape = (1, self.channels, *(1,) * (x.dim() - 2))
        return torch.addcmul(self.bias.view(shape), x, self.weight.view(shape))

    def extra_repr(self) -> str:
        """The number of channels."""
        return str(self.channels)
