"""Random networks with accumulate-then-emit neurons, from a source of choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

import isospike as iso
from blocks import conv, randomise_batch_norms
from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import collect_scales
from isospike.graphs import Role
from isospike.graphs.graph import op_of
from isospike.network import Profile, Provenance, network_of
from isospike.neurons import BitCodedNeuron, Pasc

Choose = Callable[[Sequence[Any]], Any]
"""One of some options."""
SIZE = 8
BLOCKS = ("plain", "depthwise", "residual", "concat", "average", "maximum", "before")


class Branches(nn.Module):
    """Branches side by side, added or joined."""

    def __init__(self, branches: list[nn.Module], *, joined: bool) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.joined = joined

    def forward(self, x: Tensor) -> Tensor:
        outputs = [branch(x) for branch in self.branches]
        return torch.cat(outputs, 1) if self.joined else sum(outputs[1:], outputs[0])


class RandomNetwork(nn.Module):
    def __init__(self, choose: Choose) -> None:
        super().__init__()
        self.choose, self.channels, self.size = choose, 3, SIZE
        blocks = [self.convolution(), nn.ReLU()]
        for _ in range(choose((1, 2, 3, 4))):
            blocks += getattr(
                self, choose(("plain", "depthwise", "residual", "concat", "average", "maximum", "before"))
            )()
        self.body = nn.Sequential(*blocks)
        self.flat = nn.Flatten() if choose((True, False)) else nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        features = self.channels * (self.size**2 if isinstance(self.flat, nn.Flatten) else 1)
        self.head = nn.Sequential(nn.Linear(features, 6), nn.ReLU(), nn.Linear(6, 4))
        del self.choose

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.head(self.flat(self.body(x)))
        return y

    def convolution(self, channels: int | None = None, stride: int = 1) -> nn.Module:
        before, kernel = self.channels, self.choose((1, 3))
        self.channels = channels or self.choose((2, 3, 4, 6))
        layer = conv(before, self.channels, kernel, stride=stride, bias=self.choose((True, False)))
        return nn.Sequential(layer, nn.BatchNorm2d(self.channels)) if self.choose((True, False)) else layer

    def plain(self) -> list[nn.Module]:
        stride = self.choose((1, 2)) if self.size > 2 else 1
        self.size = (self.size + stride - 1) // stride
        return [self.convolution(stride=stride), nn.ReLU()]

    def depthwise(self) -> list[nn.Module]:
        layer = conv(self.channels, self.channels, 3, groups=self.channels, bias=False)
        return [layer, nn.BatchNorm2d(self.channels), nn.ReLU(), self.convolution(), nn.ReLU()]

    def residual(self) -> list[nn.Module]:
        before = self.channels
        inner = self.convolution()
        after = self.choose((before, 4))
        outer = self.convolution(after)
        self.channels = before
        shortcut = nn.Identity() if after == before and self.choose((True, False)) else self.convolution(after)
        self.channels = after
        return [Branches([nn.Sequential(inner, nn.ReLU(), outer), shortcut], joined=False), nn.ReLU()]

    def concat(self) -> list[nn.Module]:
        before, branches, channels = self.channels, [], 0
        for _ in range(2):
            self.channels = before
            branches.append(nn.Sequential(self.convolution(), nn.ReLU()))
            channels += self.channels
        if self.choose((True, False)):
            branches.append(nn.Identity())
            channels += before
        self.channels = channels
        return [Branches(branches, joined=True), *(self.maximum() if self.choose((True, False)) else [])]

    def average(self) -> list[nn.Module]:
        return self.pool(nn.AvgPool2d)

    def maximum(self) -> list[nn.Module]:
        return self.pool(nn.MaxPool2d)

    def before(self) -> list[nn.Module]:
        return [self.convolution(), *self.pool(nn.MaxPool2d), nn.ReLU()]

    def pool(self, kind: Callable[..., nn.Module]) -> list[nn.Module]:
        """Behind or in front of neurons; windows overlap or not."""
        if self.size < 2:
            return []
        kernel, stride, padding = self.choose(((2, 2, 0), (3, 2, 1), (3, 1, 1)))
        self.size = (self.size + 2 * padding - kernel) // stride + 1
        return [kind(kernel, stride, padding)]


def random_snn(choose: Choose) -> tuple[iso.Graph, iso.SNN, Tensor]:
    """The folded graph, the network with random levels at every site, and images; all in float64."""
    torch.manual_seed(choose(range(2**16)))
    model = RandomNetwork(choose)
    randomise_batch_norms(model)
    x = torch.randn(8, 3, SIZE, SIZE, dtype=torch.float64)
    graph = iso.fold_batch_norm(iso.capture(model.double().eval(), x[:2]))
    rule = iso.scales.MaximumRule(choose(("layer", "channel")))
    bounds = collect_scales(graph, rule, Batches([x]))
    kinds, spiking = choose(((BitCodedNeuron,), (Pasc,), (BitCodedNeuron, Pasc))), graph.view()
    for node in spiking.nodes_with(Role.ACTIVATION):
        levels, part = choose(range(1, 20)), choose((0.3, 0.7, 1.0))
        spiking.replace(node, choose(kinds)(bounds[op_of(node).name] * part / levels, levels))
    return graph, network_of(spiking, Profile(Provenance("random"))), x
