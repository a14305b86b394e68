"""What cannot be captured or converted is refused at once, in one line that lists everything."""

from __future__ import annotations

import inspect
import json

import pytest
import torch
from torch import nn

import isospike as iso
from blocks import Network
from isospike.capture import Role
from isospike.errors import CalibrationError, CaptureError, ConversionError, DataError
from networks import ALL, NETWORKS

X = torch.randn(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


class Mixed(nn.Module):
    """Two analogue ops and two that nobody knows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 4, 3), nn.GELU()
        self.inner = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Sigmoid())

    def forward(self, x):
        x = self.inner(self.act(self.conv(x)))
        x = torch.cumprod(x, 1)
        return torch.sort(x.relu(), 1)[0]


def mixed():
    torch.manual_seed(0)
    return Mixed().double().eval()


def line_of(text: str) -> str:
    lines, first = inspect.getsourcelines(Mixed)
    (found,) = [first + index for index, line in enumerate(lines) if text in line]
    return f"test_refusals.py:{found}"


def test_one_error_lists_every_refused_op_with_its_place():
    with pytest.raises(ConversionError) as caught:
        iso.convert(mixed(), iso.methods.Maximum(), data=[X])
    message = str(caught.value)
    assert "\n" not in message
    for name, place in (("act", "self.act("), ("inner.1", "self.act("), ("cumprod", "cumprod"), ("sort", "sort")):
        assert f"{name} (" in message
        assert line_of(place) in message
    assert "2 unsupported" in message
    assert "2 analogue" in message
    assert "analogue='allow'" in message


def test_allowing_islands_still_refuses_unsupported_ops():
    with pytest.raises(ConversionError) as caught:
        iso.convert(mixed(), iso.methods.Maximum(), data=[X], analogue="allow")
    assert "cumprod (" in str(caught.value)
    assert "act (" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in ALL if name not in NETWORKS])
def test_islands_are_refused_unless_allowed(name, captured):
    data = [ALL[name].inputs(4)]
    with pytest.raises(ConversionError, match="analogue"):
        iso.convert(captured(name), iso.methods.Maximum(), data=data)
    snn = iso.convert(captured(name), iso.methods.Maximum(), data=data, analogue="allow")
    assert snn.islands == tuple(op.name for op in captured(name).ops if op.role is Role.ANALOGUE)


@pytest.mark.parametrize(
    ("forward", "what"),
    [
        (lambda n, x: n.layer(x - x.mean(0, keepdim=True)).relu(), "batch"),
        (lambda n, x: n.layer(x / x.abs().amax()).relu(), "batch"),
        (lambda n, x: n.layer(x.cumsum(0)).relu(), "batch"),
        (lambda n, x: n.layer(x + x.flip(0)).relu(), "batch"),
        (lambda n, x: n.layer(x.reshape(2, 3, 8, 8)).relu(), "torch.export cannot capture"),
        (lambda n, x: n.layer(x + torch.rand_like(x)).relu(), "deterministic"),
        (lambda n, x: n.layer(x).relu() if x.sum() > 0 else x, "torch.export cannot capture"),
    ],
    ids=[
        "mean over the batch",
        "maximum over the batch",
        "running sum",
        "the other end",
        "hard-coded batch",
        "random",
        "data-dependent",
    ],
)
def test_models_that_are_no_function_of_one_sample(forward, what):
    model = Network(forward, {"layer": nn.Conv2d(3, 4, 3)}).double().eval()
    with pytest.raises((CaptureError, ConversionError), match=what) as caught:
        iso.convert(model, iso.methods.Maximum(), data=[X], analogue="allow")
    assert "\n" not in str(caught.value)


def test_train_mode_is_named():
    model = NETWORKS["functional_relu"].build()
    model.body[1].bn.train()
    with pytest.raises(CaptureError, match=r"train mode .*body\.1\.bn.*eval\(\)"):
        iso.capture(model, X)


@pytest.mark.parametrize("example", [[1, 2], "image", None, {"x": X}])
def test_example_that_is_no_tensor(example):
    with pytest.raises(CaptureError, match="give one tensor"):
        iso.capture(NETWORKS["module_relu"].build(), example)


@pytest.mark.parametrize("example", [X[:, :2], X[:0], X[0, 0, 0, 0], X.float()], ids=str)
def test_example_that_does_not_fit(example):
    with pytest.raises(CaptureError) as caught:
        iso.capture(NETWORKS["module_relu"].build(), example)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ([], "no batch"),
        ([X[:, :1]], r"\[1, 8, 8\].*\[3, 8, 8\]"),
        ([X, X[:, :, :4]], r"\[3, 4, 8\]"),
        ([torch.full_like(X, float("nan"))], "NaN"),
        ([X, torch.full_like(X, float("inf"))], "NaN or infinity"),
        ([("labels", X)], "does not start with a tensor"),
        (X.numpy(), "ndarray.*torch.as_tensor"),
        ([(X.numpy(), X)], "ndarray.*torch.as_tensor"),
        ([{}], "does not start with a tensor"),
        (7, "iterable of batches"),
    ],
)
def test_calibration_data_that_do_not_fit(data, what, captured):
    with pytest.raises(CalibrationError, match=what) as caught:
        iso.convert(captured("module_relu"), iso.methods.Maximum(), data=data)
    assert "\n" not in str(caught.value)


def batches_that_fail(count: int):
    yield from [X] * count
    raise KeyError("image 7")


@pytest.mark.parametrize("count", [0, 1, 2])
def test_data_that_raise_are_named_with_the_batch(count, captured):
    with pytest.raises(DataError, match=rf"^batch {count + 1} of the data failed: KeyError: 'image 7'$") as caught:
        iso.convert(captured("module_relu"), iso.methods.Maximum(), data=batches_that_fail(count))
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("model", [None, "resnet18", nn.ReLU])
def test_a_model_that_is_none(model):
    for call in (lambda: iso.convert(model, iso.methods.Maximum(), data=[X]), lambda: iso.inspect(model, X)):
        with pytest.raises(CaptureError, match=r"the model is a .*; give a torch.nn.Module"):
            call()


@pytest.mark.parametrize(
    ("method", "named"),
    [(None, "a NoneType"), ("maximum", "a str"), (iso.methods.Maximum, "the class Maximum"), (Mixed(), "a Mixed")],
)
def test_a_method_that_is_none(method, named, captured):
    with pytest.raises(ConversionError, match=rf"^the method is {named}; give an instance"):
        iso.convert(captured("module_relu"), method, data=[X])


def test_overflow_inside_names_the_site():
    model = NETWORKS["in_place"].build()
    with torch.no_grad():
        model.b.weight.fill_(1e308)
    graph = iso.capture(model, torch.zeros_like(X))
    with pytest.raises(CalibrationError, match="'relu#2'"):
        iso.convert(graph, iso.methods.Maximum(), data=[100 * X.abs()])


def test_network_without_activation_has_nothing_to_convert():
    with pytest.raises(ConversionError, match="no activation"):
        iso.convert(nn.Conv2d(3, 4, 3).double().eval(), iso.methods.Maximum(), data=[X])


@pytest.mark.parametrize("name", ["max_pools", "gated"])
def test_inspection_is_a_table_and_json(name, captured):
    graph = captured(name)
    inspection = iso.inspect(graph, ALL[name].inputs(2))
    assert inspection.ops == graph.ops
    assert inspection.converts == (name in NETWORKS)
    header, *rows = str(inspection).splitlines()
    assert header.split() == ["name", "op", "role", "shape", "source", "why"]
    assert [row.split()[:3] for row in rows] == [[op.name, op.kind, op.role.value] for op in graph.ops]
    written = json.loads(json.dumps(inspection.to_dict()))
    assert set(written) == {"converts", "counts", "ops"}
    assert sum(written["counts"].values()) == len(written["ops"]) == len(graph.ops)
    assert {"name", "kind", "role", "path", "source", "shape", "reason"} <= set(written["ops"][0])


def test_inspection_lists_what_conversion_refuses():
    inspection = iso.inspect(mixed(), X)
    assert [op.name for op in inspection.with_role(Role.ANALOGUE)] == ["act", "inner.1"]
    assert {op.kind for op in inspection.with_role(Role.UNSUPPORTED)} == {"cumprod", "sort"}
    assert not inspection.converts
