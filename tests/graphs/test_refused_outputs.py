"""Outputs that are no numbers of a sample are refused when the model is captured, by name."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from blocks import Network
from isospike.errors import CaptureError

X = torch.randn(3, 8, generator=torch.Generator().manual_seed(0))


def model(output) -> nn.Module:
    layers = {"a": nn.Linear(8, 6), "b": nn.Linear(6, 4)}
    return Network(lambda n, x: output(n, x, n.b(n.a(x).relu())), layers).eval()


def refusal(output, data: Tensor = X) -> str:
    with pytest.raises(CaptureError) as caught:
        iso.convert(model(output), iso.methods.BitCoded(bits=4), data=[data])
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("output", "named"),
    [
        (lambda n, x, y: {"c": n.b.bias, "l": y}, "b.bias"),
        (lambda n, x, y: (y, [n.a.weight]), "a.weight"),
        (lambda n, x, y: (y, n.b.bias * 2), "every sample: mul"),
        (lambda n, x, y: (y, torch.ones(4)), "every sample: ones"),
        (lambda n, x, y: n.b.bias, "b.bias"),
    ],
    ids=["dictionary", "nested", "computed", "constant", "alone"],
)
def test_parameters_and_constants(output, named):
    found = refusal(output)
    assert found.startswith("the model puts out parameters or constants that have no row for every sample: ")
    assert named in found


@pytest.mark.parametrize(
    "output",
    [
        lambda n, x, y: (y, x[:, :0]),
        lambda n, x, y: (y, y[:, 4:]),
        lambda n, x, y: torch.cat([y, n.a(x).relu()[:, :0]], 1),
        lambda n, x, y: (y, n.b.bias.new_zeros(x.size(0), 0)),
    ],
    ids=["of the input", "of the answer", "inside", "made"],
)
def test_empty_tensors(output):
    assert refusal(output).startswith("the model makes or takes empty tensors: ")


def test_a_constant_with_a_row_for_every_sample_is_an_output():
    made = model(lambda n, x, y: (y, n.b.bias.expand(x.size(0), 4)))
    for method, steps in ((iso.methods.BitCoded(bits=4), {}), (iso.methods.Maximum(), {"steps": 4})):
        snn = iso.convert(made, method, data=[X])
        answers = snn(X, **steps)
        assert torch.equal(answers[1], made.b.bias.expand(3, 4))
