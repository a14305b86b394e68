"""What a diagnosis refuses, and the edges of what it takes."""

from __future__ import annotations

import copy
import math

import pytest
import torch

import isospike as iso
from isospike.errors import DataError, SimulationError
from networks import ALL
from short_methods import METHODS

NAME = "reused_relu"


@pytest.fixture
def made(converted, captured):
    return captured(NAME), converted(NAME, METHODS["maximum"]), [ALL[NAME].inputs(3)]


def test_steps(made, converted):
    model, snn, data = made
    with pytest.raises(SimulationError, match="say how many"):
        iso.diagnose(model, snn, data)
    for steps in (0, -1, 2.5, "4", True):
        with pytest.raises(SimulationError, match="steps must be a whole number from 1 to 1,000,000"):
            iso.diagnose(model, snn, data, steps=steps)
    with pytest.raises(SimulationError, match="not calibrated for 5 steps, but for 4, 12, 32"):
        iso.diagnose(model, converted(NAME, METHODS["calibration-light"]), data, steps=5)
    with pytest.raises(SimulationError, match="say how many, one of 4, 12, 32"):
        iso.diagnose(model, converted(NAME, METHODS["calibration-light"]), data)
    with pytest.raises(SimulationError, match="takes 4 steps, 8 were asked for"):
        iso.diagnose(model, converted(NAME, METHODS["bit-coded"]), data, steps=8)
    with pytest.raises(SimulationError, match="are for probing"):
        iso.diagnose(model, converted(NAME, METHODS["srp"]), data, steps=2)


def test_another_model(made, converted):
    _, snn, data = made
    with pytest.raises(SimulationError, match="give the model that it was converted from"):
        iso.diagnose(ALL["arithmetic"].build(), snn, data, steps=4)
    with pytest.raises(SimulationError, match="the network is not one of this model: it takes"):
        iso.diagnose(ALL["one_dimensional"].build(), snn, [ALL["one_dimensional"].inputs(2)], steps=4)


def test_data(made):
    model, snn, data = made
    with pytest.raises(DataError, match="no sample"):
        iso.diagnose(model, snn, [], steps=4)
    with pytest.raises(SimulationError, match="NaN"):
        iso.diagnose(model, snn, [*data, torch.full_like(data[0], torch.nan)], steps=4)
    with pytest.raises(DataError, match="labels go from 0 to 7"):
        iso.diagnose(model, snn, [(data[0], torch.tensor([0, 7, 1]))], steps=4)
    with pytest.raises(DataError, match="only some batches have targets"):
        iso.diagnose(model, snn, [(data[0], torch.tensor([0, 1, 1])), data[0]], steps=4)
    with pytest.raises(SimulationError, match="the network is a str"):
        iso.diagnose(model, "net.snn", data, steps=4)


def test_one_image_a_tensor_and_a_generator_are_enough(made):
    model, snn, (x,) = made
    found = [iso.diagnose(model, snn, data, steps=4) for data in (x[:1], [x[:1]], iter([x[:1]]))]
    assert found[0].images == 1
    assert found[0] == found[1] == found[2]


def test_the_split_into_batches_does_not_matter(made):
    model, snn, (x,) = made
    whole, parts = (iso.diagnose(model, snn, data, steps=4) for data in ([x], list(x.split(1))))
    for one, other in zip(whole.sites, parts.sites, strict=True):
        assert (one.rate, one.silent_channels, one.regained) == (other.rate, other.silent_channels, other.regained)
        assert math.isclose(one.accumulated_error, other.accumulated_error, rel_tol=1e-9)  # float64 sums


@pytest.mark.parametrize("method", ["maximum", "bit-coded", "buffered", "snm"])
def test_no_spike_at_all(method, converted, captured):
    """Thresholds beyond all currents: everything is quantisation error, nothing is divided by zero."""
    snn = copy.deepcopy(converted(NAME, METHODS[method]))
    for site in snn.sites:
        neuron = snn.graph.get_submodule(site)
        for name, tensor in neuron.named_buffers():
            tensor.mul_(0 if name == "v_init" else 1e6)
    steps = 4 if snn.times.steps is None else None
    found = iso.diagnose(captured(NAME), snn, [ALL[NAME].inputs(2)], steps=steps)
    for site in found.sites:
        assert (site.rate, site.silent_channels, site.saturated_channels) == (0.0, site.channels, 0)
        for error in (site.quantisation_error, site.local_error, site.accumulated_error):
            assert math.isclose(error, 1, rel_tol=1e-12)  # two sums of the same squares in float64, in any two orders
    assert all(math.isfinite(value) for site in found.sites for value in (site.bound, site.regained))


@pytest.mark.filterwarnings("ignore:every threshold")
def test_a_model_that_is_never_active():
    """Activations that are all zero: errors are absolute, and zero."""
    model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(8, 3))
    torch.nn.init.constant_(model[0].bias, -100.0)
    x = torch.rand(3, 1, 4, 4)
    snn = iso.convert(model.eval(), iso.methods.Maximum(), data=[x])
    found = iso.diagnose(model, snn, [x], steps=4)
    (site,) = found.sites
    assert (site.accumulated_error, site.silent_channels, site.rate) == (0.0, 2, 0.0)
    assert found.worst == ()
    assert "gives nothing back" in found.verdict


def test_progress_is_told(made):
    model, snn, (x,) = made
    told = []
    iso.diagnose(model, snn, [x, x], steps=2, progress=lambda *what: told.append(what))
    assert told[0] == ("batch 1: sites replaced", 1, 3)
    assert told[-1] == ("batch 2: sites replaced", 3, 3)
    assert len(told) == 6
