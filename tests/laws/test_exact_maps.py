"""Average pools of any windows and interpolations to any size on the binary grid: equal, bit for bit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import isospike as iso
from blocks import Network

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
AVERAGES = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}
ADAPTIVE = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d}
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
SIZES = st.integers(1, 9)


@st.composite
def averages(draw, axes: int) -> nn.Module:
    kernel = draw(st.integers(2, 3))
    padding, ceil = draw(st.integers(0, kernel // 2)), draw(st.booleans())
    return AVERAGES[axes](
        kernel, draw(st.integers(1, 3)), padding, ceil_mode=ceil, count_include_pad=draw(st.booleans())
    )


@st.composite
def interpolations(draw, axes: int):
    sizes, aligned = tuple(draw(SIZES) for _ in range(axes)), draw(st.booleans())
    mode = draw(st.sampled_from(["bicubic", "bilinear"])) if axes == 2 else LINEAR[axes]
    return lambda x: F.interpolate(x, sizes, mode=mode, align_corners=aligned)


def adaptive(axes: int) -> st.SearchStrategy[nn.Module]:
    return st.tuples(*[SIZES] * axes).map(ADAPTIVE[axes])


@pytest.mark.parametrize("axes", [1, 2, 3])
@given(st.data())
@settings(deadline=None, max_examples=6, derandomize=True, suppress_health_check=list(HealthCheck))
def test_maps_of_codes_and_of_currents(axes, data):
    """One map beside a layer, on either side of it, and one in front of the output; units per channel."""
    windows = st.one_of(averages(axes), adaptive(axes))
    # three more products in a row than a layer are one too many for three axes to keep ten digits each
    first = data.draw(windows if axes == 3 else st.one_of(windows, interpolations(axes)))
    last, before = data.draw(st.one_of(adaptive(axes), interpolations(axes))), data.draw(st.booleans())
    torch.manual_seed(0)
    layers = {name: CONVOLUTIONS[axes](inputs, 4, 3, padding=1) for name, inputs in (("a", 3), ("b", 4))}

    def forward(n, x):
        codes = n.a(x).relu()
        return last((n.b(first(codes)) if before else first(n.b(codes))).relu())

    model = Network(forward, layers).double().eval()
    x = torch.randn(4, 3, *[data.draw(st.integers(4, 7)) for _ in range(axes)], dtype=torch.float64)
    graph = iso.capture(model, x)
    method = iso.methods.BitCoded(granularity="channel", exact=True)
    snn, plain = (iso.convert(graph, m, data=[x]) for m in (method, replace(method, exact=False)))
    certificate = iso.verify(graph, snn, [x])
    assert certificate.exact, certificate.first_difference
    assert certificate.output_error == 0
    with torch.no_grad():
        a, b = snn.ann()(x), plain.ann()(x)
    # six factors in a row at most, each kept to ten digits or more, so wrong by 2^-11 of the largest
    assert (a - b).abs().max() <= 2**-8 * max(1.0, b.abs().max().item())
