"""Folding a batch normalisation changes the graph and not the function (maths 1.1)."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

import isospike as iso
from blocks import leaves
from isospike.ops.affine import ChannelAffine
from networks import ALL

NORMS = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
WITH_NORMS = [name for name, case in ALL.items() if any(isinstance(layer, NORMS) for layer in case.build().modules())]
FOLDED_AWAY = {"module_relu", "functional_relu", "reused_relu", "grouped", "transposed", "standardised"}
"""Networks whose every normalisation follows a convolution of its own."""


def test_the_cases_have_norms():
    assert set(WITH_NORMS) > FOLDED_AWAY


@pytest.mark.parametrize("name", WITH_NORMS)
def test_folded_graph_equals_the_graph(name, captured):
    graph, x = captured(name), ALL[name].inputs(3)
    folded = iso.fold_batch_norm(graph)
    with torch.no_grad():
        for a, b in zip(leaves(graph(x)), leaves(folded(x)), strict=True):
            # float64: a product of three factors and a sum instead of two of each, over a few layers
            assert (a - b).abs().max() <= 1e-12 * max(1.0, a.abs().max().item()) * 10


@pytest.mark.parametrize("name", WITH_NORMS)
def test_no_norm_is_left_and_the_argument_keeps_its_own(name, captured):
    graph = captured(name)
    before = copy.deepcopy(graph.state_dict())
    folded = iso.fold_batch_norm(graph)
    assert not [module for module in folded.modules() if isinstance(module, NORMS)]
    assert [module for module in graph.modules() if isinstance(module, NORMS)]
    assert all(torch.equal(before[key], value) for key, value in graph.state_dict().items())
    affine = [module for module in folded.modules() if isinstance(module, ChannelAffine)]
    assert bool(affine) == (name not in FOLDED_AWAY | {"one_dimensional", "three_dimensional"})


def test_a_norm_without_a_layer_of_its_own_becomes_a_channel_affine(captured):
    folded = iso.fold_batch_norm(captured("batch_norms"))
    affine = {name for name, module in folded.named_modules() if isinstance(module, ChannelAffine)}
    assert affine == {"first", "after_add"}


def test_a_shared_convolution_is_folded_for_each_call_by_itself():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.a, self.b = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.BatchNorm2d(3)

        def forward(self, x):
            return self.b(self.conv(self.a(self.conv(x)).relu()))

    torch.manual_seed(0)
    model = Twice().double().eval()
    model.a.running_mean.normal_()
    model.b.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 3, 5, 5, dtype=torch.float64)
    folded = iso.fold_batch_norm(iso.capture(model, x))
    with torch.no_grad():
        assert (folded(x) - model(x)).abs().max() <= 1e-12 * 10  # as above
    assert not [module for module in folded.modules() if isinstance(module, ChannelAffine)]
