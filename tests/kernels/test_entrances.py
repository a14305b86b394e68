"""What does not fit a kernel is one typed line at its entrance, never a read past the end."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from isospike.errors import SimulationError
from isospike.kernels import SparseConvolution, TrackerRule, availability, code_histogram, track

native = pytest.mark.skipif(availability() is not None, reason=f"torch computes the layers: {availability()}")


def layers() -> dict[str, tuple[nn.Module, Tensor]]:
    return {
        "linear": (nn.Linear(6, 70), torch.ones(3, 6)),
        "conv1d": (nn.Conv1d(4, 70, 3), torch.ones(3, 4, 9)),
        "conv2d": (nn.Conv2d(4, 70, 3), torch.ones(3, 4, 9, 9)),
    }


def cut(weight: Tensor, axis: int) -> Tensor:
    return weight.narrow(axis, 0, 1).clone()


DAMAGES: dict[str, Callable[[nn.Module], None]] = {
    "one input": lambda m: setattr(m, "weight", nn.Parameter(cut(m.weight, 1))),
    "one output": lambda m: setattr(m, "weight", nn.Parameter(cut(m.weight, 0))),
    "one axis": lambda m: setattr(m, "weight", nn.Parameter(m.weight.flatten()[:5].clone())),
    "five axes": lambda m: setattr(m, "weight", nn.Parameter(m.weight.reshape(70, -1, 1, 1, 1))),
    "no numbers": lambda m: setattr(m, "weight", nn.Parameter(m.weight[:, :0])),
    "one bias": lambda m: setattr(m, "bias", nn.Parameter(cut(m.bias, 0))),
    "another type": lambda m: setattr(m, "weight", nn.Parameter(m.weight.double())),
    "bias of another type": lambda m: setattr(m, "bias", nn.Parameter(m.bias.double())),
}


@native
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", layers())
def test_parameters_that_do_not_fit_the_input(name, damage):
    module, x = layers()[name]
    kernel = SparseConvolution(module)
    kernel(x)
    DAMAGES[damage](module)
    with pytest.raises(SimulationError, match=r"^the (parameters|weights) of a ") as caught:
        kernel(x)
    assert "\n" not in str(caught.value)


@native
@pytest.mark.parametrize("field", ["stride", "padding", "dilation"])
def test_geometry_that_no_convolution_has(field):
    module, x = layers()["conv2d"]
    setattr(module, field, (-1, -1))
    with pytest.raises(SimulationError, match="do not fit an input"):
        SparseConvolution(module)(x)


def neurons(**changed: Tensor | None) -> dict[str, Tensor | None]:
    x = torch.ones(3, 2, 4, 5, 5)
    given = {"x": x, "out": x.clone(), "v": x[0].clone(), "n": x[0].clone(), "threshold": torch.ones(4, 1, 1)}
    return {**given, "biases": torch.zeros(1, 4, 1, 1), **changed}


@pytest.mark.parametrize(
    "changed",
    [
        {"threshold": torch.ones(4, 1, 1, dtype=torch.int8)},
        {"threshold": torch.ones(4, 1, 1).double()},
        {"threshold": torch.ones(3, 1, 1)},
        {"threshold": torch.ones(2, 4, 5, 5)},
        {"v": torch.ones(1, 4, 5, 5)},
        {"n": torch.ones(2, 4, 5, 4)},
        {"out": torch.ones(2, 2, 4, 5, 5)},
        {"biases": torch.ones(2, 4, 1, 1)},
        {"biases": torch.ones(0, 4, 1, 1)},
        {"biases": torch.ones(3, 7, 1, 1)},
    ],
    ids=lambda changed: ", ".join(f"{name} {list(t.shape)} {t.dtype}" for name, t in changed.items()),
)
def test_neurons_whose_tensors_do_not_fit(changed):
    assert track(**neurons(), rule=TrackerRule(1, 1, False, False)).shape == (2, 3, 2)
    with pytest.raises(SimulationError, match="the parameters of neurons do not fit currents"):
        track(**neurons(**changed), rule=TrackerRule(1, 1, False, False))


@pytest.mark.parametrize("levels", [0, -1, 2**24, 2**40])
def test_codes_that_cannot_be_counted(levels):
    with pytest.raises(SimulationError, match="cannot be counted"):
        code_histogram(torch.zeros(2, 3), levels)
