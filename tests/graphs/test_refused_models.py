"""What is no model of one sample cannot be captured, and one line says why."""

from __future__ import annotations

import inspect
import re
import warnings

import pytest
import torch
from torch import nn

import isospike as iso
from blocks import Network
from isospike.errors import CalibrationError, CaptureError, ConversionError
from networks import NETWORKS

X = torch.randn(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


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


@pytest.mark.parametrize("example", [[1, 2], "image", None, {}, {"x": 1}])
def test_example_that_is_no_tensor(example):
    with pytest.raises(CaptureError, match="give one tensor"):
        iso.capture(NETWORKS["module_relu"].build(), example)


@pytest.mark.parametrize("example", [X[:, :2], X[:0], X[0, 0, 0, 0], X.float()], ids=str)
def test_example_that_does_not_fit(example):
    with pytest.raises(CaptureError) as caught:
        iso.capture(NETWORKS["module_relu"].build(), example)
    assert "\n" not in str(caught.value)


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
    assert f"branches on values of its input at test_refused_models.py:{branch}, 'if x.sum() > 0:" in refusal(forward)
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
    assert message.startswith(
        "the model fails on a batch of 3: layer 'table' (Embedding) takes tokens from 0 to 1, but was given -1 to 0"
    )


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
    with pytest.raises(CaptureError, match=r"the input is torch\.uint8; isospike converts networks of real numbers"):
        iso.capture(nn.Sequential(nn.Embedding(9, 4), nn.ReLU()).eval(), X.to(torch.uint8))
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
    [
        (None, "a NoneType"),
        ("maximum", "a str"),
        (iso.methods.Maximum, "the class Maximum"),
        (OneInput(), "an OneInput"),
    ],
)
def test_a_method_that_is_none(method, named, captured):
    with pytest.raises(ConversionError, match=rf"^the method is {named}; give an instance"):
        iso.convert(captured("module_relu"), method, data=[X])


@pytest.mark.parametrize("method", [iso.methods.Maximum(), iso.methods.BitCoded()], ids=["streaming", "emitting"])
@pytest.mark.parametrize(
    "use",
    [
        lambda snn: iso.capture(snn, X),
        lambda snn: iso.inspect(snn, X),
        lambda snn: iso.convert(snn, iso.methods.Maximum(), data=[X]),
        lambda snn: iso.quantise(snn, iso.activations.QCFS(levels=4), data=[X]),
        lambda snn: iso.verify(snn, snn, [X], steps=snn.times.steps or 4),
        lambda snn: iso.diagnose(snn, snn, [X], steps=snn.times.steps or 4),
        lambda snn: iso.capture(nn.Sequential(snn, nn.ReLU()), X),
    ],
    ids=["capture", "inspect", "convert", "quantise", "verify", "diagnose", "inside"],
)
def test_a_spiking_network_is_no_model(use, method, converted):
    with pytest.raises(CaptureError, match=r"^the model is a spiking network already \(.*Network\); give the model"):
        use(converted("module_relu", method))
