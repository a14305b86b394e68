"""What cannot be captured or converted is refused at once, in one line that lists everything."""

from __future__ import annotations

import inspect
import json
import re
import warnings

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
        ([X[:0]], r"batch 1 .*\[0, 3, 8, 8\].*no sample"),
        ([X, X, (X[:0], X)], r"batch 3 .*\[0, 3, 8, 8\].*no sample"),
        ([X[:, :1]], r"\[1, 8, 8\].*\[3, 8, 8\]"),
        ([X, X[:, :, :4]], r"\[3, 4, 8\]"),
        ([torch.full_like(X, float("nan"))], "NaN"),
        ([X, torch.full_like(X, float("inf"))], "NaN or infinity"),
        ([X, X.float()], "data are torch.float32 .* network is torch.float64"),
        ([X.to("meta")], "on meta, .* on cpu"),
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


def refusal(forward, layers=None, example=X):
    model = Network(forward, layers or {"conv": nn.Conv2d(3, 4, 3, padding=1), "head": nn.Linear(256, 5)}).double()
    with pytest.raises(CaptureError) as caught:
        iso.capture(model.eval(), example)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "flatten",
    [
        lambda y: y.view(len(y), -1),
        lambda y: y.view(int(y.shape[0]), -1),
        lambda y: y.reshape(2, 256),
        lambda y: torch.stack([row.flatten() for row in y]),
    ],
    ids=["len", "int", "number", "loop"],
)
def test_a_fixed_batch_is_told_how_to_be_open(flatten):
    message = refusal(lambda n, x: n.head(flatten(n.conv(x).relu())))
    assert "fixes the size of the batch" in message
    for way in ("x.flatten(1)", "x.size(0)", "x.shape[0]", "len(x)"):
        assert way in message


def test_a_branch_on_values_is_named_by_its_line_and_prints_no_graph(capfd):
    def forward(n, x):
        if x.sum() > 0:  # the branch
            return n.conv(x).relu()
        return n.conv(x)

    lines, first = inspect.getsourcelines(forward)
    (branch,) = [first + index for index, line in enumerate(lines) if "# the branch" in line]
    assert f"branches on values of its input at test_refusals.py:{branch};" in refusal(forward)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda n, x: n.conv(x[:, :2]), "layer 'conv' (Conv2d) takes 3 channels, but was given 2: [2, 2, 8, 8]"),
        (lambda n, x: n.head(x.flatten(1)), "layer 'head' (Linear) takes 256 features, but was given 192: [2, 192]"),
        (lambda n, x: nn.functional.linear(x, n.head.weight), "it raises RuntimeError: "),
        (lambda n, x: x[7], "it raises IndexError: index 7 is out of bounds"),
    ],
)
def test_what_fails_without_the_exporter_is_told_without_its_symbols(forward, message, capfd):
    told = refusal(forward)
    assert told.startswith(f"the model fails on an input [2, 3, 8, 8]: {message}")
    assert not re.search(r"\bs\d+\b", told)
    assert capfd.readouterr() == ("", "")


def test_a_model_that_fails_on_other_values_only():
    message = refusal(lambda n, x: n.table(x.long()), {"table": nn.Embedding(2, 4)}, torch.full_like(X, -1))
    assert message.startswith("the model fails on a batch of 3: layer 'table' (Embedding) raises IndexError")


class ManyInputs(nn.Module):
    def forward(self, *images):
        return images[0].relu()


class TwoInputs(nn.Module):
    def forward(self, image: torch.Tensor, mask: torch.Tensor, scale=1.0):
        return (image * mask).relu()


class KeywordInput(nn.Module):
    def forward(self, image, *, mask):
        return (image * mask).relu()


class OneInput(nn.Module):
    def forward(self, image, mask=None, *others, scale=1.0, **options):
        return (image * scale).relu()


@pytest.mark.parametrize(
    ("model", "taken"),
    [(ManyInputs, r"\*images"), (TwoInputs, "image, mask, scale=1.0"), (KeywordInput, r"image, \*?,? ?mask")],
)
def test_models_with_several_inputs(model, taken):
    with pytest.raises(CaptureError, match=rf"one input tensor, {model.__name__}.forward takes \({taken}\); wrap"):
        iso.capture(model().eval(), X)
    assert iso.capture(OneInput().eval(), X).sites == ("relu",)


@pytest.mark.parametrize("compiled", [torch.jit.script, lambda model: torch.jit.trace(model, X)])
def test_models_without_python_code(compiled):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.jit is deprecated
        model = compiled(nn.ReLU().eval())
    with pytest.raises(CaptureError, match=r"TorchScript .*give the torch\.nn\.Module"):
        iso.capture(model, X)


@pytest.mark.parametrize("kind", [torch.uint8, torch.int64, torch.bool])
def test_inputs_that_are_no_floats(kind, captured):
    with pytest.raises(CaptureError, match=f"the input is {kind}; isospike converts networks of real numbers"):
        iso.capture(nn.Sequential(nn.Embedding(9, 4), nn.ReLU()).eval(), X.to(kind))
    with pytest.raises(CalibrationError, match=f"images are {kind}; give floats"):
        iso.convert(captured("module_relu"), iso.methods.Maximum(), data=[X.to(kind)])


def test_an_embedding_is_named():
    told = refusal(lambda n, x: n.table(x), {"table": nn.Embedding(9, 4)})
    assert "layer 'table' (Embedding) takes whole numbers" in told


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
