"""Weights and calibration data that cannot be used are named in one line."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import isospike as iso
from blocks import Network
from isospike.errors import CalibrationError, ConversionError, DataError
from networks import NETWORKS

X = torch.randn(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ([], "no batch"),
        ([X[:0]], r"batch 1 .*\[0, 3, 8, 8\].*no sample"),
        ([X, X, (X[:0], X)], r"batch 3 .*\[0, 3, 8, 8\].*no sample"),
        ([X[:, :1]], r"\[1, 8, 8\].*\[3, 8, 8\]"),
        ([X, X[:, :, :4]], r"\[3, 4, 8\]"),
        ([torch.full_like(X, float("nan"))], "NaN"),
        ([X, torch.full_like(X, float("inf"))], "NaN or infinity"),
        ([X, X.float()], "data are torch.float32 .* network is torch.float64"),
        ([X.to("meta")], "device meta, which has no numbers"),
        ([("labels", X)], "does not start with a tensor"),
        (X.numpy(), "ndarray.*torch.as_tensor"),
        ([(X.numpy(), X)], "ndarray.*torch.as_tensor"),
        ([{}], "does not start with a tensor"),
        (7, "give batches"),
    ],
)
def test_calibration_data_that_do_not_fit(data, what, captured):
    with pytest.raises((CalibrationError, DataError), match=what) as caught:
        iso.convert(captured("module_relu"), iso.methods.Maximum(), data=data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize(
    ("network", "weight", "op"),
    [
        ("module_relu", "conv.weight", "conv"),
        ("module_relu", "bn.running_mean", "bn"),
        ("module_relu", "head.bias", "head"),
        ("scaled", "scale", "mul#2"),
    ],
)
def test_weights_that_are_not_finite_are_named(network, weight, op, value):
    case = NETWORKS[network]
    model = case.build()
    model.state_dict()[weight].flatten()[0] = value
    with pytest.raises(ConversionError, match=rf"NaN or infinity in the weights of 1 op: {op} \(") as caught:
        iso.convert(model, iso.methods.Maximum(), data=[case.inputs(2)])
    assert "\n" not in str(caught.value)


def test_masks_may_be_infinite():
    mask = torch.zeros(4, dtype=torch.float64)
    mask[1] = -torch.inf
    model = Network(lambda n, x: (n.layer(x).relu() + n.mask).softmax(-1), {"layer": nn.Linear(8, 4), "mask": mask})
    snn = iso.convert(model.double().eval(), iso.methods.Maximum(), data=[X], analogue="allow")
    assert (snn(X, steps=4)[..., 1] == 0).all()


def batches_that_fail(count: int):
    yield from [X] * count
    raise KeyError("image 7")


@pytest.mark.parametrize("count", [0, 1, 2])
def test_data_that_raise_are_named_with_the_batch(count, captured):
    with pytest.raises(DataError, match=rf"^batch {count + 1} of the data failed: KeyError: 'image 7'$") as caught:
        iso.convert(captured("module_relu"), iso.methods.Maximum(), data=batches_that_fail(count))
    assert isinstance(caught.value.__cause__, KeyError)


def test_overflow_inside_names_the_site():
    model = NETWORKS["in_place"].build()
    with torch.no_grad():
        model.b.weight.fill_(1e308)
    graph = iso.capture(model, torch.zeros_like(X))
    with pytest.raises(CalibrationError, match="'relu#2'"):
        iso.convert(graph, iso.methods.Maximum(), data=[100 * X.abs()])
