"""Fan-outs are the numbers of non-zero derivatives of the ops themselves, with positive weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import isospike as iso
from blocks import Network, conv
from isospike.costs.trace import trace

BEHIND: dict[str, tuple[Callable[[Tensor], Tensor], tuple[int, ...]]] = {
    "nothing": (lambda y: y, (3, 6, 6)),
    "average": (lambda y: F.avg_pool2d(y, 2), (3, 6, 6)),
    "overlapping": (lambda y: F.avg_pool2d(y, 3, 2, 1, ceil_mode=True, count_include_pad=False), (3, 6, 6)),
    "sequence": (lambda y: F.avg_pool1d(y.flatten(2), 3, 2, ceil_mode=True), (3, 6, 6)),
    "volume": (lambda y: F.avg_pool3d(y.unsqueeze(2), (1, 2, 2)).squeeze(2), (3, 6, 6)),
    "adaptive": (lambda y: F.adaptive_avg_pool2d(y, (4, 5)), (3, 6, 6)),
    "sequence as an image": (lambda y: F.avg_pool2d(y.flatten(2), (3, 4)), (3, 6, 6)),
    "mean": (lambda y: y.mean((2, 3)), (3, 6, 6)),
    "kept mean": (lambda y: y.mean(-1, keepdim=True), (3, 6, 6)),
    "sum": (lambda y: y.sum(1), (3, 6, 6)),
    "cumsum": (lambda y: y.cumsum(2), (3, 6, 6)),
    "nearest": (lambda y: F.interpolate(y, scale_factor=2), (3, 3, 3)),
    "bilinear": (lambda y: F.interpolate(y, size=(5, 7), mode="bilinear"), (3, 3, 3)),
    "corners": (lambda y: F.interpolate(y, size=(5, 7), mode="bilinear", align_corners=True), (3, 3, 3)),
    "bicubic": (lambda y: F.interpolate(y, size=(7, 7), mode="bicubic"), (3, 5, 5)),
    "linear": (lambda y: F.interpolate(y.flatten(2), size=11, mode="linear"), (3, 2, 4)),
    "mirror": (lambda y: F.pad(y, (1, 2, 1, 0), mode="reflect"), (3, 4, 4)),
    "border": (lambda y: F.pad(y, (1, 2, 1, 0), value=0.5), (3, 4, 4)),
    "slices": (lambda y: torch.cat([y[:, 1:], y[:, :1].flip(2)], 1)[:, :, ::2], (3, 4, 4)),
    "split": (lambda y: torch.cat(y.split([1, 2], 1)[::-1], 1), (3, 4, 4)),
    "stacked": (lambda y: torch.stack([y, -y], 1).flatten(1, 2), (3, 4, 4)),
    "rolled": (lambda y: y.roll(1, 2).transpose(2, 3), (3, 4, 5)),
    "shuffled": (lambda y: F.pixel_unshuffle(F.channel_shuffle(y, 3), 2), (3, 4, 4)),
    "chosen": (lambda y: y.index_select(1, torch.tensor([2, 0, 2])), (3, 4, 4)),
    "masked": (lambda y: y * (torch.arange(4.0) > 1) / 3, (3, 4, 4)),
    "spread": (lambda y: y[:, :1] * torch.ones(5, 1, 1), (3, 4, 4)),
}
"""What lies between the neurons and the head, and the shape of the neurons."""
OUTPUTS = 2


def build(between: Callable[[Tensor], Tensor], shape: tuple[int, ...]) -> nn.Module:
    with torch.no_grad():
        features = between(torch.zeros(1, *shape)).numel()

    def forward(n: Any, x: Tensor) -> Tensor:
        y = between(n.first(x).relu()).flatten(1)
        return n.head(y)

    return Network(forward, {"first": conv(2, shape[0], 1), "head": nn.Linear(features, OUTPUTS)}).double().eval()


@pytest.mark.parametrize("name", BEHIND)
def test_fan_out_is_the_number_of_derivatives(name):
    between, shape = BEHIND[name]
    x = torch.randn(2, 2, *shape[1:], dtype=torch.float64)
    snn = iso.convert(build(between, shape), iso.methods.Maximum(), data=[x])
    (connection,) = [c for c in trace(snn).connections if c.op == "head"]
    (fan_out,) = connection.fan_out.values()
    slopes = torch.autograd.functional.jacobian(lambda y: between(y).flatten(), torch.ones(1, *shape).double())
    expected = OUTPUTS * (slopes.abs() > 1e-12).flatten(0, -2 - len(shape)).sum(0)  # rounding leaves 1e-17 for zero
    assert torch.equal(fan_out, expected.view(shape))


def test_a_product_with_a_constant_has_synapses_of_its_own():
    """Behind it are currents, so the head computes products at every step, where no site stands in front of it."""
    shape = (3, 4, 4)
    x = torch.randn(2, 2, *shape[1:], dtype=torch.float64)
    model = build(lambda y: torch.ones(7, 4, dtype=y.dtype) @ y, shape)
    snn = iso.convert(model, iso.methods.Maximum(), data=[x], sites="rectifiers")
    found = {c.op: c for c in trace(snn).connections}
    assert torch.equal(found["matmul"].fan_out["relu"], torch.full(shape, 7))
    assert not found["head"].fan_out
    assert found["head"].macs(5) == 5 * 3 * 7 * 4 * OUTPUTS


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
def test_layers_have_the_synapses_of_their_weights(dimensions, transposed):
    name = f"Conv{'Transpose' if transposed else ''}{dimensions}d"
    size = (5, 4, 3)[:dimensions]
    layer = getattr(nn, name)(4, 6, 2, stride=2, padding=1, dilation=(1 if transposed else 2), groups=2)

    def forward(n: Any, x: Tensor) -> Tensor:
        return n.layer(x.relu())

    model, x = Network(forward, {"layer": layer}).double().eval(), torch.randn(2, 4, *size, dtype=torch.float64)
    snn = iso.convert(model, iso.methods.Maximum(), data=[x])
    (connection,) = [c for c in trace(snn).connections if c.op == "layer"]
    with torch.no_grad():
        layer.weight.abs_().add_(1)
    slopes = torch.autograd.functional.jacobian(lambda y: layer(y).flatten(), torch.ones(1, 4, *size).double())
    expected = (slopes != 0).sum(0)[0]
    assert torch.equal(connection.fan_out["relu"], expected)
    assert connection.dense == connection.spiking == int(expected.sum())
