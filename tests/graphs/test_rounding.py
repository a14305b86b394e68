"""Rounding in float32 is no dependence between samples: what differs is computed again in float64."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from isospike.errors import CaptureError
from isospike.graphs import verify


class Sums(nn.Module):
    """A large sum, and a small difference of it: rounding of float32 comes out a thousand times as large.

    Kernels sum a batch of one in another order than a larger one.
    """

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(*(nn.Linear(64, 64) for _ in range(8)))

    def forward(self, x: Tensor) -> Tensor:
        return (self.layers(x).relu() * 1e4).frac()


def test_an_error_of_float32_is_looked_at_in_float64():
    model, x = Sums().eval(), torch.randn(7, 64, generator=torch.Generator().manual_seed(0))
    graph = iso.capture(model.double(), x.double()).float()
    larger = torch.cat([x, x[:1] / 2])
    assert not verify._treats_samples_alone(graph, larger, verify._outputs(graph, larger))
    assert verify._is_rounding(graph, larger)


class Mixing(Sums):
    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(x).relu()
        return y - 1e-3 * y.mean(0, keepdim=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_dependence_between_samples_is_one_in_float64_too(dtype):
    x = torch.randn(7, 64, generator=torch.Generator().manual_seed(0), dtype=dtype)
    with pytest.raises(CaptureError, match="depends on the other samples"):
        iso.capture(Mixing().to(dtype).eval(), x)
