"""Arguments of another type or kind than is meant are refused in one line that says what to give."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
import torch
from torch import nn

import isospike as iso
from isospike.comparison.disjoint import shared_images
from isospike.errors import (
    CalibrationError,
    CaptureError,
    ConversionError,
    DataError,
    IsospikeError,
    OptionError,
    SimulationError,
    TaskError,
)
from isospike.ops import OpRecord, family, register_op
from networks import NETWORKS
from short_methods import METHODS

X = NETWORKS["module_relu"].inputs(6)
FEW = torch.rand(16, 4, generator=torch.Generator().manual_seed(0))


def dense(*last: nn.Module, sizes: tuple[int, ...] = (4, 8, 1)) -> nn.Sequential:
    torch.manual_seed(0)
    hidden = [part for a, b in pairwise(sizes[:-1]) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(sizes[-2], sizes[-1]), *last).eval()


@pytest.fixture
def snn(converted) -> iso.SNN:
    return converted("module_relu", METHODS["maximum"])


@pytest.fixture
def graph(captured) -> iso.Graph:
    return captured("module_relu")


def refused(call, error: type[IsospikeError], text: str) -> None:
    with pytest.raises(error, match=text) as caught:
        call()
    assert "\n" not in str(caught.value)


NO_DATA = {
    "a function": (lambda: [X], "the data are a function; call it, and give what it returns"),
    "nothing": (None, "the data are a NoneType; give batches: a list, a DataLoader or a generator"),
    "a number": (3, "the data are an int; give batches"),
    "a specification": ("digits", "the data are a str, 'digits'; open them with isospike.data.open_data first"),
}


@pytest.mark.parametrize("kind", NO_DATA)
def test_what_holds_no_batches(kind, graph, snn):
    data, text = NO_DATA[kind]
    for call in (
        lambda: iso.evaluate(snn, data, steps=4),
        lambda: iso.account(snn, data, steps=4),
        lambda: iso.verify(graph, snn, data, steps=4),
        lambda: iso.diagnose(graph, snn, data, steps=4),
        lambda: iso.convert(graph, METHODS["maximum"], data=data),
        lambda: iso.compare(graph, data, [X], methods=["maximum"]),
    ):
        refused(call, DataError, text)


@pytest.mark.parametrize(
    ("activation", "text"),
    [
        ("qcfs", "the activation is a str; give an instance such as"),
        (3, "the activation is an int; give an instance"),
        (iso.activations.QCFS, "the activation is the class QCFS; give an instance"),
    ],
)
def test_what_is_no_activation(activation, text, graph):
    refused(lambda: iso.quantise(graph, activation), ConversionError, text)
    by_site = dict.fromkeys(graph.sites, activation)
    refused(lambda: iso.quantise(graph, by_site), ConversionError, "no activations stand at the sites")


@pytest.mark.parametrize("progress", ["x", None, 1])
def test_progress(progress, snn):
    call = lambda: iso.evaluate(snn, [X], steps=2, progress=progress)  # noqa: E731
    refused(call, OptionError, r"^progress is an? \w+; give True, False or a function\(what, done, total\)$")


def test_an_op_that_torch_does_not_have():
    record = OpRecord("no_such_op", family.MOVE)
    refused(lambda: register_op(record), OptionError, r"torch has no op torch\.ops\.aten\.no_such_op; register an op")


def test_other_number_formats():
    model = dense().double()
    ours = r"the model fails on .*: it is torch\.float64, the input torch\.float32; convert one with \.to\(\)"
    refused(lambda: iso.convert(model, METHODS["maximum"], data=[FEW]), CaptureError, ours)
    captured = iso.capture(model, FEW.double())
    calibration = r"the calibration data are torch\.float32 .*, the network is torch\.float64"
    refused(lambda: iso.convert(captured, METHODS["maximum"], data=[FEW]), CalibrationError, calibration)


def test_a_network_with_half_of_the_sites_is_not_one_of_the_model():
    one, two = dense(sizes=(4, 8, 3)), dense(sizes=(4, 8, 8, 3))
    for model, other in ((one, two), (two, one)):
        snn = iso.convert(other, iso.methods.Maximum(), data=[FEW])
        refused(lambda m=model, s=snn: iso.diagnose(m, s, [FEW], steps=4), SimulationError, "not one of this model")


@pytest.mark.parametrize("last", [(nn.Sigmoid(),), (nn.Sigmoid(), nn.Flatten(0))], ids=["column", "flat"])
def test_a_sigmoid_in_front_of_a_sign(last):
    model, labels, how = dense(*last), (FEW[:, 0] > 0.5).long(), {"data": [FEW], "analogue": "allow"}
    snn = iso.convert(model, iso.methods.Maximum(), **how)
    text = "the network ends in a sigmoid, .*: leave the sigmoid out"
    refused(lambda: iso.evaluate(snn, [(FEW, labels)], steps=4, task="classification"), TaskError, text)
    refused(lambda: iso.convert(model, iso.methods.Maximum(), **how, task="classification"), TaskError, text)
    logit = iso.convert(dense(), iso.methods.Maximum(), data=[FEW], task="classification")
    assert iso.evaluate(logit, [(FEW, labels)], steps=4).task.name() == "classification"


def test_figures_that_are_no_numbers_are_null():
    """Targets without spread have no R2."""
    snn = iso.convert(dense(), iso.methods.Maximum(), data=[FEW])
    found = iso.evaluate(snn, [(FEW, torch.ones(16, 1))], steps=4, task="regression:measure=r2").to_dict()
    assert json.loads(json.dumps(found, allow_nan=False))["snn"]["4"]["score"] is None


def test_images_that_two_sets_share_say_how_a_function_is_told_which():
    text = "give other images .a function in a .py file is told which by a parameter named split."
    refused(lambda: shared_images({"calibration": [b"a"], "test": [b"a"]}), DataError, text)
