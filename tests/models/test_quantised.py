"""Files of quantised networks: the network comes back from the file and the model's code."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

import isospike as iso
from blocks import leaves
from isospike.activations import QCFS, SlipReLU
from isospike.data import Preprocess
from isospike.errors import WeightsError
from isospike.models import load_model
from isospike.models.quantised import is_quantised, load_quantised, save_quantised
from networks import NETWORKS

HOW = Preprocess(size=8, mean=(0.5,), std=(0.2,))


def trained(captured, name: str) -> iso.Graph:
    graph = captured(name)
    kinds = {site: QCFS(levels=i) if i % 2 else SlipReLU(mixture=0.25) for i, site in enumerate(graph.sites, 3)}
    network = iso.quantise(graph, kinds, data=[NETWORKS[name].inputs(8)], average_pools=True)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.01)
    return network


@pytest.mark.parametrize("name", ["reused_relu", "max_pools", "scaled", "batch_norms"])
def test_the_network_comes_back(name, captured, tmp_path):
    network, path = trained(captured, name), tmp_path / "q.safetensors"
    save_quantised(network, path, preprocess=HOW)
    assert is_quantised(path)
    model = NETWORKS[name].build()
    loaded, preprocess = load_quantised(model, path)
    assert preprocess == HOW
    assert loaded.ops == network.ops
    x = NETWORKS[name].inputs(3)
    for a, b in zip(leaves(loaded(x)), leaves(network(x)), strict=True):
        assert torch.equal(a, b)
    assert not any(isinstance(m, iso.activations.TrainableActivation) for m in model.modules())


MODEL = """
from torch import nn
def build():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(72, 3))
def other():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 4))
"""


@pytest.fixture
def stored(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(MODEL)
    network = iso.quantise(load_model("m.py:build").model, QCFS(levels=5), data=[torch.randn(4, 1, 8, 8)])
    save_quantised(network, tmp_path / "q.safetensors", preprocess=HOW)
    return network, tmp_path / "q.safetensors"


def test_it_is_given_as_weights_of_its_model(stored):
    network, path = stored
    loaded = load_model("m.py:build", weights=path)
    assert loaded.preprocess == HOW
    assert loaded.example_shape == (1, 1, 8, 8)
    assert [loaded.model.get_submodule(site).levels for site in loaded.model.sites] == [5]
    x = torch.randn(3, 1, 8, 8)
    assert torch.equal(loaded.model(x), network(x))


def test_another_model_is_refused(stored):
    with pytest.raises(WeightsError, match="does not fit the model") as caught:
        load_model("m.py:other", weights=stored[1])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(format=2),
        lambda c: c.update(sites={}),
        lambda c: c.update(input_shape=[3]),
        lambda c: c.update(input_shape=5),
        lambda c: c.update(input_shape=[2**40]),
        lambda c: c.update(input_shape=[-1, 2.5]),
        lambda c: c.update(sites=5),
        lambda c: c.update(preprocess=5),
        lambda c: next(iter(c["sites"].values())).update(activation=[5]),
        lambda c: c.pop("average_pools"),
        lambda c: c.update(preprocess={"size": 3}),
        lambda c: next(iter(c["sites"].values())).update(levels=0),
        lambda c: next(iter(c["sites"].values())).update(activation="evil"),
        lambda c: next(iter(c["sites"].values())).update(more=1),
    ],
)
def test_a_changed_header_is_refused(change, stored):
    from safetensors import safe_open

    with safe_open(stored[1], framework="pt") as file:
        content = json.loads(file.metadata()["isospike-quantised"])
    change(content)
    save_file(load_file(stored[1]), stored[1], metadata={"isospike-quantised": json.dumps(content)})
    with pytest.raises(WeightsError):
        load_model("m.py:build", weights=stored[1])
