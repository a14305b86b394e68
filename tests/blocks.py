"""What the tiny networks are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Forward = Callable[[Any, Tensor], Any]


@dataclass(frozen=True)
class Case:
    layers: Callable[[], Mapping[str, nn.Module | Tensor]]
    forward: Forward
    sites: tuple[str, ...]
    shape: tuple[int, ...] = (3, 8, 8)

    def build(self) -> nn.Module:
        """The network in eval mode, float64, always with the same weights."""
        torch.manual_seed(0)
        network = Network(self.forward, self.layers())
        randomise_batch_norms(network)
        return network.double().eval()

    def inputs(self, batch: int, seed: int = 1) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randn(batch, *self.shape, generator=generator, dtype=torch.float64)


class Network(nn.Module):
    def __init__(self, forward: Forward, layers: Mapping[str, nn.Module | Tensor]) -> None:
        super().__init__()
        self.call = forward
        for name, layer in layers.items():
            if isinstance(layer, Tensor) and not isinstance(layer, nn.Parameter):
                self.register_buffer(name, layer)
            else:
                setattr(self, name, layer)

    def forward(self, x: Tensor) -> Any:
        return self.call(self, x)


def randomise_batch_norms(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            if module.affine:
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.normal_(module.bias, 0, 0.3)


class Residual(nn.Module):
    """One ReLU module called twice, an identity shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv(channels, channels, bias=False), nn.BatchNorm2d(channels)
        self.conv2, self.bn2 = conv(channels, channels, bias=False), nn.BatchNorm2d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        y += x
        return self.relu(y)


class FunctionalBlock(nn.Module):
    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__()
        self.conv, self.bn = conv(channels_in, channels), nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class StandardisedConv(nn.Conv2d):
    """Its weight is computed from the parameter at every call."""

    def forward(self, x: Tensor) -> Tensor:
        deviation, mean = torch.std_mean(self.weight, (1, 2, 3), keepdim=True)
        return self._conv_forward(x, (self.weight - mean) / (deviation + 1e-5), self.bias)


def conv(channels_in: int, channels: int, kernel: int = 3, **options: Any) -> nn.Conv2d:
    return nn.Conv2d(channels_in, channels, kernel, padding=options.pop("padding", kernel // 2), **options)


def leaves(output: Any) -> list[Tensor]:
    """The tensors of an output of any structure, in order."""
    return [leaf for leaf in torch.utils._pytree.tree_leaves(output) if isinstance(leaf, Tensor)]
