"""Neurons behind average pools: the ANN stays, and they are sites like all others."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from blocks import Forward, Network, conv
from isospike.errors import CalibrationError, SimulationError
from isospike.methods import FTBC, CalibrationAdvanced, CalibrationLight, Opt
from isospike.pooling import place_average_pool_neurons, place_max_pools

POOLS: dict[str, nn.Module] = {
    "plain": nn.AvgPool2d(2),
    "ceil": nn.AvgPool2d(3, 2, ceil_mode=True),
    "without_pad": nn.AvgPool2d(3, 2, 1, count_include_pad=False),
    "with_pad": nn.AvgPool2d(3, 2, 1),
    "adaptive": nn.AdaptiveAvgPool2d(1),
    "uneven": nn.AdaptiveAvgPool2d((3, 5)),
}


def build(pool: nn.Module, forward: Forward | None = None) -> nn.Module:
    torch.manual_seed(0)
    layers = {"first": conv(3, 4), "pool": copy.deepcopy(pool), "second": conv(4, 5), "most": nn.MaxPool2d(2)}
    plain: Forward = lambda n, x: n.second(n.pool(n.first(x).relu())).relu().mean((2, 3))  # noqa: E731
    return Network(forward or plain, layers).double().eval()


def images(count: int = 6, seed: int = 1) -> Tensor:
    return torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@functools.cache
def captured(name: str) -> iso.Graph:
    """Shared, so never to be changed."""
    return iso.capture(build(POOLS[name]), images())


@pytest.mark.parametrize("name", POOLS)
def test_the_ann_is_unchanged_and_gets_a_site_behind_the_pool(name):
    graph, x = captured(name), images()
    placed = place_average_pool_neurons(graph)
    assert graph.sites == ("relu", "relu#2")
    assert placed.sites == ("relu", "pool_neuron", "relu#2")
    ops = {op.name: op for op in placed.ops}
    assert ops["pool_neuron"].shape == ops["pool"].shape
    with torch.no_grad():
        assert torch.equal(placed(x), graph(x))


def _of_currents(n, x):
    return n.second(n.pool(n.first(x))).relu().mean((2, 3))


def _of_the_image(n, x):
    return n.first(n.pool(x)).relu().mean((2, 3))


def _of_a_difference(n, x):
    a = n.first(x).relu()
    return n.second(n.pool(a - 0.5)).relu().mean((2, 3))


@pytest.mark.parametrize("forward", [_of_currents, _of_the_image, _of_a_difference])
def test_pools_of_what_may_be_negative_stay_linear(forward):
    graph = iso.capture(build(nn.AvgPool2d(2), forward), images())
    assert place_average_pool_neurons(graph).sites == graph.sites


@pytest.mark.parametrize("rule", ["cumulative", "winner"])
def test_a_max_pool_before_it_makes_no_difference(rule):
    """Also where the rule puts the max pool in front of the neuron: sites are known before it is chosen."""
    model = build(nn.AvgPool2d(2), lambda n, x: n.second(n.pool(n.most(n.first(x).relu()))).relu().mean((2, 3)))
    graph = iso.capture(model, images())
    assert place_average_pool_neurons(place_max_pools(graph, rule)).sites == ("relu", "pool_neuron", "relu#2")
    assert place_average_pool_neurons(graph).sites == ("relu", "pool_neuron", "relu#2")


def test_a_pool_called_twice_and_a_module_of_that_name():
    def forward(n, x):
        y = n.pool_neuron(n.pool(n.first(x).relu()))
        return n.second(n.pool(y.relu())).relu().mean((2, 3))

    model = build(nn.AvgPool2d(2), forward)
    model.pool_neuron = conv(4, 4).double().eval()
    x = images()
    graph = iso.capture(model, x)
    placed = place_average_pool_neurons(graph)
    assert placed.sites == ("relu", "pool_neuron#2", "relu#2", "pool#2_neuron", "relu#3")
    with torch.no_grad():
        assert torch.equal(placed(x), graph(x))


@pytest.mark.parametrize("name", POOLS)
def test_the_neuron_behind_the_pool_has_its_own_threshold(name):
    """Largest averages as thresholds, and what its first train is: a rate code of the average of spikes."""
    model, x = build(POOLS[name]), images()
    snn = iso.convert(captured(name), Opt(steps=(8,), average_pool_neurons=True, granularity="channel"), data=[x]).at(8)
    with torch.no_grad():
        averages = model.pool(model.first(x).relu())
    neuron = snn.graph.get_submodule("pool_neuron")
    torch.testing.assert_close(neuron.v_threshold, averages.amax((0, 2, 3)).view(4, 1, 1), rtol=1e-12, atol=0)
    run = iso.simulate(snn, x, steps=8)
    assert run.spikes["pool_neuron"].sum() > 0
    assert torch.equal(run.spikes["pool_neuron"], run.packets["pool_neuron"])


METHODS = [
    Opt(steps=(4, 8), average_pool_neurons=True),
    CalibrationLight(steps=(4, 8), refine_images=6, average_pool_neurons=True),
    CalibrationAdvanced(steps=(4, 8), refine_images=6, iterations=2, refine_batch=3, average_pool_neurons=True),
    FTBC(steps=(4, 8), average_pool_neurons=True),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name())
def test_networks_are_saved_verified_and_evaluated(method, tmp_path):
    model, x = build(POOLS["ceil"]), images()
    snn = iso.convert(captured("ceil"), method, data=[x])
    assert snn.sites == ("relu", "pool_neuron", "relu#2")
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")
    assert loaded.sites == snn.sites
    for steps in (4, 8):
        assert torch.equal(loaded(x, steps=steps), snn(x, steps=steps))
    found = iso.verify(captured("ceil"), loaded, [x], steps=8)
    assert [site.site for site in found.sites] == list(snn.sites)
    assert all(0 < site.error < 1 for site in found.sites)
    labels = torch.zeros(len(x), dtype=torch.long)
    assert iso.evaluate(loaded, [(x, labels)], steps=[4, 8])
    with torch.no_grad():
        torch.testing.assert_close(snn.ann()(x), model(x))  # folding rounds


def test_they_approach_the_ann_with_the_steps():
    graph, x = captured("plain"), images()
    snn = iso.convert(graph, Opt(steps=(16, 256), average_pool_neurons=True), data=[x])
    few, many = (iso.verify(graph, snn, [x], steps=steps).sites[1].error for steps in (16, 256))
    assert many < few / 4
    assert many < 0.02


def test_other_networks_are_still_refused():
    x = images()
    snn = iso.convert(captured("plain"), Opt(steps=(4,), average_pool_neurons=True), data=[x])
    other = build(POOLS["plain"], lambda n, x: n.pool(n.first(x).relu()).mean((2, 3)))
    with pytest.raises(SimulationError, match=r"sites relu, pool_neuron, relu#2, the model relu, pool_neuron;"):
        iso.verify(other, snn, [x], steps=4)


def test_learned_scales_alone_know_no_threshold_for_them():
    x = images()
    model = build(POOLS["plain"], lambda n, x: n.second(n.pool(n.act(n.first(x)))).mean((2, 3)))
    model.act = iso.activations.QCFS(levels=4).module(2.0).double().eval()
    method = Opt(steps=(4,), scale="learned", average_pool_neurons=True)
    with pytest.raises(CalibrationError, match="site 'pool_neuron' has no learned bound"):
        iso.convert(model, method, data=[x])
    assert iso.convert(model, Opt(steps=(4,), average_pool_neurons=True), data=[x]).sites == ("act", "pool_neuron")
