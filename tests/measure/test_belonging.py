"""A network beside another model is refused in one line that names what differs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import isospike as iso
from isospike.errors import SimulationError

METHODS = {"emitting": iso.methods.BitCoded(bits=5), "streaming": iso.methods.Maximum()}
MEASURES = {"verify": iso.verify, "diagnose": iso.diagnose}


def net(outputs: int, *, inputs: int = 8, width: int = 16) -> nn.Sequential:
    torch.manual_seed(0)
    layers = nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)
    return nn.Sequential(*layers).eval()


def images(inputs: int = 8) -> torch.Tensor:
    return torch.rand(6, inputs, generator=torch.Generator().manual_seed(0))


OTHERS = {
    "one output": (net(1), "it puts out [3], the model [1]"),
    "more outputs": (net(5), "it puts out [3], the model [5]"),
    "inputs": (net(3, inputs=6), "it takes [8], the model [6]"),
    "shapes": (net(3, width=12), "at '1' it has [16], the model [12]; at '3' it has [16], the model [12]"),
    "sites": (
        nn.Sequential(net(3)[0], nn.Flatten(), nn.ReLU(), nn.Linear(16, 3)).eval(),
        "it has the sites 1, 3, the model 2",
    ),
    "several": (net(1, width=1), "it puts out [3], the model [1]; at '1' it has [16], the model [1]"),
}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("name", OTHERS)
def test_another_model_is_named(name, measure, method):
    model, difference = OTHERS[name]
    snn = iso.convert(net(3), METHODS[method], data=[images()])
    x = images(model[0].in_features)
    steps = {"steps": 8} if method == "streaming" else {}
    with pytest.raises(SimulationError, match="give the model that it was converted from") as caught:
        MEASURES[measure](iso.capture(model, x), snn, [images()], **steps)
    assert difference in str(caught.value)


@pytest.mark.parametrize("measure", MEASURES)
def test_arguments_the_wrong_way_round(measure):
    snn = iso.convert(net(3), METHODS["emitting"], data=[images()])
    with pytest.raises(SimulationError, match=f"the network is a Sequential; {measure} takes the model, then what"):
        MEASURES[measure](snn, net(3), [images()])
