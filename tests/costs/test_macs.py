"""Multiply-accumulates against the sums over the layers of an architecture."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from isospike.costs import count_macs
from isospike.graphs.macs import macs_by_node


class ResNet18(nn.Module):
    """For 32 x 32 images: a 3 x 3 stem without pooling, two blocks at each of four widths."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        widths = [64, 64, 128, 256, 512]
        self.blocks = nn.ModuleList(
            Block(widths[i] if first else widths[i + 1], widths[i + 1], 2 if first and i else 1)
            for i in range(4)
            for first in (True, False)
        )
        self.head = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((2, 3)))


class Block(nn.Module):
    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(channels_in, channels, 1, stride, bias=False) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return (self.second(self.first(x).relu()) + self.shortcut(x)).relu()


@pytest.fixture(scope="module")
def macs() -> dict[str, int]:
    with torch.device("meta"):
        return count_macs(ResNet18().eval(), torch.empty(2, 3, 32, 32))


def test_resnet18_does_555_million(macs):
    """PASCAL's appendix prints 217.6 M: its stages 2 to 4 are 4, 8 and 16 times too small."""
    expected = 1024 * 3 * 9 * 64 + 4 * 1024 * 64 * 9 * 64
    for size, width in ((256, 128), (64, 256), (16, 512)):
        half = width // 2
        expected += size * width * (9 * half + 3 * 9 * width + half)
    assert sum(macs.values()) == expected + 512 * 10 == 555_422_720


def test_the_first_layer_is_a_share_of_0_0032(macs):
    assert macs["stem"] == 1_769_472
    assert round(macs["stem"] / sum(macs.values()), 4) == 0.0032  # printed: 0.008


class Functional(nn.Module):
    """A convolution of its own beside a child, which it calls twice."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(4, 1, 3, 3))
        self.child = nn.Sequential(nn.Linear(6, 6))

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.conv2d(x, self.weight, padding=1, groups=4).relu()
        return self.child(self.child(y))


@pytest.mark.parametrize("batch", [1, 3])
def test_a_module_counts_what_it_computes_itself(batch):
    depthwise, linear = 4 * 5 * 6 * 9, 4 * 5 * 6 * 6
    x = torch.randn(batch, 4, 5, 6)
    assert count_macs(Functional().eval(), x) == {"": depthwise, "child.0": 2 * linear}


def test_a_captured_graph_counts_the_same():
    model, x = Functional().eval(), torch.randn(2, 4, 5, 6)
    graph = iso.capture(model, x)
    assert sum(count_macs(graph, x).values()) == sum(count_macs(model, x).values())
    assert len(count_macs(graph, x)) == 3  # one module per call site


class Windows(nn.Module):
    """A layer on two halves of every sample, with a constant of its own for each half."""

    def __init__(self) -> None:
        super().__init__()
        self.bias, self.layer = nn.Parameter(torch.randn(2, 3, 4)), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        bias = self.bias.unsqueeze(0).expand(x.shape[0], -1, -1, -1).reshape(-1, 3, 4)
        return self.layer(x.reshape(-1, 3, 4) + bias).reshape(-1, 6, 5)


def test_a_constant_with_several_rows_a_sample_is_no_reason_to_fail():
    graph = iso.capture(Windows().eval(), torch.randn(2, 6, 4))
    assert any(op.kind == "batch_constant" and op.rows == 2 for op in graph.ops)
    assert sum(macs_by_node(graph).values()) == 6 * 4 * 5
