"""What spikes are: whole numbers within bounds, none without input, and those of the clip-floor theorem."""

from __future__ import annotations

import copy
import math
import operator
from fractions import Fraction

import pytest
import torch
from torch import nn

import isospike as iso
from blocks import Network
from isospike.capture import Role
from networks import ALL, ISLANDS, NETWORKS
from short_methods import METHODS, STREAMING

STEPS = 12
WITHOUT_CONSTANTS = [name for name in NETWORKS if name != "arithmetic"]
"""`arithmetic` adds 0.1 in its forward, which is an input of its own."""


@pytest.mark.parametrize("method", STREAMING)
@pytest.mark.parametrize("name", ALL)
def test_counts_are_whole_and_bounded(name, method, converted):
    snn, x = converted(name, METHODS[method]), 3 * ALL[name].inputs(2)
    run = iso.simulate(snn, x, steps=STEPS)
    assert list(run.spikes) == list(snn.sites)
    neurons = {op.name: math.prod(op.shape) for op in snn.graph.ops}
    for site, counts in run.spikes.items():
        assert counts.dtype == torch.int64
        assert counts.shape == (STEPS, 2)
        assert counts.min() >= 0
        assert counts.max() <= neurons[site]
        assert torch.equal(run.spikes_per_sample[site], counts.sum(0))


@pytest.mark.parametrize("method", STREAMING)
@pytest.mark.parametrize("name", WITHOUT_CONSTANTS)
def test_no_input_and_no_bias_give_no_spike(name, method, captured):
    graph = copy.deepcopy(captured(name))
    with torch.no_grad():
        for key, tensor in graph.state_dict().items():
            if key.endswith(("bias", "running_mean")):
                tensor.zero_()
    snn = iso.convert(graph, METHODS[method], data=[NETWORKS[name].inputs(8)])
    x = torch.zeros(2, *NETWORKS[name].shape, dtype=torch.float64)
    assert all(not counts.any() for counts in iso.simulate(snn, x, steps=STEPS).spikes.values())
    assert any(counts.any() for counts in iso.simulate(snn, x + 1, steps=STEPS).spikes.values())


@pytest.mark.parametrize("v_init", [0.0, 0.5, 0.75])
@pytest.mark.parametrize("method", [name for name in STREAMING if hasattr(METHODS[name], "v_init")])
def test_first_layer_obeys_the_clip_floor_theorem(method, v_init):
    torch.manual_seed(0)
    model = Network(lambda n, x: n.conv(x).relu(), {"conv": nn.Conv2d(2, 3, 3)}).double().eval()
    data = torch.randn(2, 2, 4, 4, dtype=torch.float64)
    kind = type(METHODS[method])
    options = {"iterations": 4} if method == "local-threshold-balancing" else {}
    snn = iso.convert(iso.capture(model, data), kind(v_init=v_init, **options), data=[data])
    run = iso.simulate(snn, 1.5 * data, steps=STEPS)
    with torch.no_grad():
        currents = model.conv(1.5 * data)
    neuron = snn.graph.get_submodule("relu")
    theta, start = (value.expand(currents.shape) for value in (neuron.v_threshold, neuron.v_init))
    for steps in range(1, STEPS + 1):
        counts = (run.outputs[:steps] > 0).sum(0)
        for index in torch.cartesian_prod(*map(torch.arange, currents.shape)).tolist():
            x, v, limit = (Fraction(value[tuple(index)].item()) for value in (currents, start, theta))
            expected = min(max(math.floor((v + steps * x) / limit), 0), steps)
            assert counts[tuple(index)].item() == expected


@pytest.mark.parametrize("name", [*ISLANDS])
def test_running_mean_behind_an_island_is_the_function_of_the_running_means(name, captured):
    """The last analogue op of the network made an output, beside what it reads."""
    graph = copy.deepcopy(captured(name))
    node = graph.nodes_with(Role.ANALOGUE)[-1]
    inputs = [source for source in node.all_input_nodes if source.op != "get_attr"]
    (output,) = (n for n in graph.graph.nodes if n.op == "output")
    output.args = ((node, *inputs),)
    graph.recompile()
    snn = iso.convert(graph, METHODS["maximum"], data=[ISLANDS[name].inputs(4)], analogue="allow")
    for budget in (1, 10**9):
        run = iso.simulate(snn, ISLANDS[name].inputs(2), steps=STEPS, memory_budget=budget)
        _check_means(graph, node, inputs, run)


def _check_means(graph, node, inputs, run) -> None:
    for steps in range(1, STEPS + 1):
        value, *means = (y[:steps].mean(0) for y in run.outputs)
        known = dict(zip(inputs, means, strict=True))

        def argument(n, known=known):
            return known[n] if n in known else operator.attrgetter(n.target)(graph)

        function = graph.module_of(node) if node.op == "call_module" else node.target
        args, kwargs = torch.fx.map_arg((node.args, node.kwargs), argument)
        with torch.no_grad():
            expected = function(*args, **kwargs)
        # t f(m_t) - (t - 1) f(m_(t-1)) summed over 12 steps: about 12 roundings of 12 times the value
        assert (value - expected).abs().max() <= 1e-12 * max(1.0, expected.abs().max().item())
