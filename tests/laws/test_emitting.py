"""Accumulate-then-emit networks: the quantised ANN, code for code, however they are run."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import nn

import isospike as iso
from blocks import Network, conv, leaves
from isospike.errors import CalibrationError, ConversionError, SimulationError
from isospike.executors import executors_of
from isospike.graphs import Role
from isospike.network import Profile, Provenance, network_of
from isospike.neurons import NEAREST, BitCodedNeuron, Kind, Pasc, QuantisedActivation
from isospike.scales import LearnedRule
from networks import ALL, NETWORKS
from short_methods import EMITTING, METHODS, STREAMING

ROUNDING = 1e-12
"""Of the largest output: the steps of a train add up in another order than one pass does."""
CODES = iso.Record(codes=True)


def assert_same(a: iso.Run, b: iso.Run) -> None:
    assert list(a.spikes) == list(b.spikes) == list(a.codes) == list(b.codes)
    for site in a.spikes:
        assert torch.equal(a.codes[site], b.codes[site]), site
        assert torch.equal(a.spikes[site], b.spikes[site]), site
    for x, y in zip(leaves(a.output), leaves(b.output), strict=True):
        assert (x - y).abs().max() <= ROUNDING * max(1.0, x.abs().max().item())


@pytest.mark.parametrize("method", EMITTING)
@pytest.mark.parametrize("name", ALL)
def test_executors_and_chunks_agree_with_the_quantised_ann(name, method, converted):
    snn, x = converted(name, EMITTING[method]), 1.5 * ALL[name].inputs(3)
    collapsed = iso.simulate(snn, x, record=CODES)
    for executor in executors_of(Kind.EMITTING):
        for budget in (1, 2**30):
            assert_same(iso.simulate(snn, x, executor=executor, memory_budget=budget, record=CODES), collapsed)
    with torch.no_grad():
        for y, z in zip(leaves(snn.graph(x)), leaves(collapsed.output), strict=True):
            assert (y - z).abs().max() <= ROUNDING * max(1.0, y.abs().max().item())
    assert sum(int(counts.sum()) for counts in collapsed.spikes.values()) > 0


@pytest.mark.parametrize("method", EMITTING)
@pytest.mark.parametrize("name", ALL)
def test_spikes_are_those_of_the_codes(name, method, converted):
    snn, x = converted(name, EMITTING[method]), ALL[name].inputs(2)
    run = iso.simulate(snn, x, record=CODES)
    assert run.steps == snn.times.steps == max(snn.graph.get_submodule(site).steps for site in snn.sites)
    for site, codes in run.codes.items():
        neuron = snn.graph.get_submodule(site)
        assert codes.dtype == torch.int64
        assert codes.min() >= neuron.lowest
        assert codes.max() <= neuron.levels
        assert torch.equal(run.spikes[site], (neuron.code.encode(codes, neuron.steps) != 0).flatten(2).sum(2))
        assert torch.equal(run.spikes_per_sample[site], run.spikes[site].sum(0))


@pytest.mark.parametrize("name", ["module_relu", "concat", "max_pools", "average_pools", "arithmetic", "padded"])
def test_layers_may_have_different_lengths(name, captured):
    """Per-layer levels, alternating codes of 1, 3 and 5 bits or 2, 7 and 16 steps."""
    graph = iso.fold_batch_norm(captured(name))
    for kind, levels in ((BitCodedNeuron, (1, 5, 19)), (Pasc, (2, 7, 16))):
        spiking = graph.view()
        for index, node in enumerate(spiking.nodes_with(Role.ACTIVATION)):
            unit = torch.tensor(0.9 / levels[index % 3], dtype=torch.float64)
            spiking.replace(node, kind(unit, levels[index % 3]))
        snn = network_of(spiking, Profile(Provenance("by hand")))
        collapsed, stepped = (
            iso.simulate(snn, NETWORKS[name].inputs(3), executor=executor, record=CODES)
            for executor in ("collapsed", "stepped")
        )
        assert_same(collapsed, stepped)
        assert [len(counts) for counts in stepped.spikes.values()] == [
            snn.graph.get_submodule(site).steps for site in snn.sites
        ]


def test_no_input_and_no_bias_give_no_spike(captured):
    for name in ("max_pools", "reused_relu", "concat", "grouped"):
        graph = iso.fold_batch_norm(captured(name))
        with torch.no_grad():
            for key, tensor in graph.state_dict().items():
                if key.endswith("bias"):
                    tensor.zero_()
        for method in EMITTING.values():
            snn = iso.convert(graph, method, data=[NETWORKS[name].inputs(8)])
            x = torch.zeros(2, *NETWORKS[name].shape, dtype=torch.float64)
            for executor in executors_of(Kind.EMITTING):
                assert not any(counts.any() for counts in iso.simulate(snn, x, executor=executor).spikes.values())
            assert any(counts.any() for counts in iso.simulate(snn, x + 1).spikes.values())


def test_structured_ties_do_not_flip_codes():
    """A silent branch beside an identity shortcut, the outer unit twice the inner one.

    Every sum lies on a half step by construction; without the guard 5 to 12 % of the codes differ, with it none.
    """
    torch.manual_seed(0)
    layers = {"a": conv(3, 4), "b": conv(4, 4), "c": conv(4, 4), "head": nn.Linear(256, 5)}
    nn.init.zeros_(layers["b"].weight), nn.init.zeros_(layers["b"].bias)

    def forward(n, x):
        x = n.a(x).relu()
        x = (n.b(x) + x).relu()
        return n.head(n.c(x).relu().flatten(1))

    x = torch.randn(8, 3, 8, 8)
    graph = iso.capture(Network(forward, layers).eval(), x)
    flips = {NEAREST: 0.0, 0.5: 0.0}
    for kind, dtype, phase in itertools.product((BitCodedNeuron, Pasc), (torch.float32, torch.float64), flips):
        spiking = iso.fold_batch_norm(graph).to(dtype)
        for node, unit in zip(spiking.nodes_with(Role.ACTIVATION), (0.1, 0.2, 0.1), strict=True):
            unit = torch.tensor(unit, dtype=dtype)
            spiking.replace(node, kind(unit, 7, v_init=phase * unit))
        snn = network_of(spiking, Profile(Provenance("by hand")))
        runs = [iso.simulate(snn, x.to(dtype), executor=name, record=CODES) for name in ("collapsed", "stepped")]
        shares = [(runs[0].codes[site] != runs[1].codes[site]).double().mean().item() for site in snn.sites]
        flips[phase] = max(flips[phase], *shares)
    assert flips[NEAREST] == 0
    assert flips[0.5] > 0.05  # half of this network's


def test_inhibitory_events_are_counted_or_unknown(converted):
    x = NETWORKS["concat"].inputs(3)
    pasc, coded = (converted("concat", METHODS[name]) for name in ("pascal", "bit-coded"))
    assert iso.simulate(pasc, x).inhibitory is None
    counted = iso.simulate(pasc, x, executor="stepped", memory_budget=1).inhibitory
    assert list(counted) == list(pasc.sites)
    assert all(events.shape == (3,) and events.dtype == torch.int64 for events in counted.values())
    assert sum(int(events.sum()) for events in counted.values()) > 0
    assert iso.simulate(coded, x).inhibitory == iso.simulate(coded, x, executor="stepped").inhibitory == {}


@pytest.mark.parametrize("method", EMITTING)
def test_an_answer_exists_only_at_the_end(method, converted):
    snn, x = converted("module_relu", EMITTING[method]), NETWORKS["module_relu"].inputs(2)
    own = snn.times.steps
    assert torch.equal(snn(x), snn(x, steps=own))
    assert torch.equal(snn(x), iso.simulate(snn, x).output)
    for executor in executors_of(Kind.EMITTING):
        assert iso.simulate(snn, x, executor=executor, record=iso.Record(spikes=False)).spikes == {}
    assert list(iso.simulate(snn, x).answers) == [own]
    assert iso.simulate(snn, x, record=iso.Record(at=(own,))).outputs is None
    for steps in (own - 1, own + 1, 0, 64):
        with pytest.raises(SimulationError, match=rf"takes {own} steps, {steps} were.*no earlier answer exists"):
            snn(x, steps=steps)
    with pytest.raises(SimulationError, match="no earlier answer exists"):
        iso.simulate(snn, x, record=iso.Record(at=(1, own)))
    state = iso.simulate(converted("module_relu", METHODS["maximum"]), x, steps=2).state
    with pytest.raises(SimulationError, match="cannot be continued"):
        iso.simulate(snn, x, state=state)
    with pytest.raises(SimulationError, match="takes images"):
        snn(x.expand(own, *x.shape))
    for executor in executors_of(Kind.STREAMING):
        with pytest.raises(SimulationError, match="streaming networks"):
            iso.simulate(snn, x, executor=executor)


def test_streaming_networks_need_steps_and_have_no_codes(converted):
    snn, x = converted("module_relu", METHODS["maximum"]), NETWORKS["module_relu"].inputs(2)
    assert snn.times.steps is None
    with pytest.raises(SimulationError, match="say how many"):
        snn(x)
    with pytest.raises(SimulationError, match="no codes"):
        iso.simulate(snn, x, steps=2, record=CODES)
    with pytest.raises(SimulationError, match="accumulate-then-emit networks"):
        iso.simulate(snn, x, steps=2, executor="collapsed")


def test_evaluation_is_at_the_networks_own_steps(converted):
    labels = torch.zeros(4, dtype=torch.long)
    data = [(NETWORKS["module_relu"].inputs(4), labels)]
    for name in EMITTING:
        snn = converted("module_relu", METHODS[name])
        for steps in (None, [snn.times.steps]):
            assert list(iso.evaluate(snn, data, steps=steps).metric) == [snn.times.steps]
        with pytest.raises(SimulationError, match="no earlier answer"):
            iso.evaluate(snn, data, steps=[1, snn.times.steps])
    with pytest.raises(SimulationError, match="say at which"):
        iso.evaluate(converted("module_relu", METHODS["maximum"]), data)


def test_number_formats_too_narrow_for_the_levels(captured):
    x = NETWORKS["module_relu"].inputs(2)
    snn = iso.convert(captured("module_relu"), iso.methods.BitCoded(bits=9), data=[x])
    assert snn.to(torch.float16)(x.half()).dtype == torch.float16
    with pytest.raises(SimulationError, match="has more levels than"):
        snn.to(torch.bfloat16)(x.bfloat16())


def learned(graph: iso.Graph, *bounds: float | torch.Tensor, levels: int = 6) -> iso.Graph:
    trained = graph.view()
    for node, bound in zip(trained.nodes_with(Role.ACTIVATION), bounds, strict=True):
        trained.replace(node, QuantisedActivation(torch.as_tensor(bound, dtype=torch.float64), levels))
    return trained


KEEPING = {name: method for name, method in METHODS.items() if isinstance(method.parts().scale, LearnedRule)}
"""Methods that keep learned bounds; the others measure the activations that these clip."""


@pytest.mark.parametrize("method", EMITTING)
def test_learned_bounds_and_levels_are_kept(method, captured):
    per_channel = torch.tensor([0.5, 1.0, 2.0, 0.25], dtype=torch.float64).view(4, 1, 1)
    graph = learned(captured("in_place"), 0.75, per_channel)
    x = NETWORKS["in_place"].inputs(4)
    snn = iso.convert(graph, iso.methods.methods[method](), data=[10 * x])
    first, second = (snn.graph.get_submodule(site) for site in snn.sites)
    levels = 15 if method == "radix" else 6
    assert (first.levels, second.levels) == (levels, levels)
    assert torch.equal(first.unit, torch.tensor(0.75, dtype=torch.float64) / levels)
    assert torch.equal(second.unit, per_channel / levels)
    with torch.no_grad():
        assert torch.equal(snn.ann()(x), graph(x))
        if method in ("bit-coded", "pascal"):  # the trained network itself, up to roundings of bound / levels
            assert (snn(x) - graph(x)).abs().max() <= ROUNDING


@pytest.mark.parametrize("method", STREAMING)
def test_learned_bounds_are_where_streaming_neurons_saturate(method, captured):
    per_channel = torch.tensor([0.5, 1.0, 2.0, 0.25], dtype=torch.float64).view(4, 1, 1)
    bounds = (torch.tensor(0.75, dtype=torch.float64), per_channel)
    graph, x = learned(captured("in_place"), *bounds), NETWORKS["in_place"].inputs(4)
    snn = iso.convert(graph, METHODS[method], data=[10 * x])
    for network in (snn, *map(snn.for_steps, snn.times.calibrated)):
        for site, bound in zip(snn.sites, bounds, strict=True):
            most = network.graph.get_submodule(site)(torch.full((1, 4, 8, 8), 1e9, dtype=torch.float64))
            assert most.max() <= bound.max()
            assert method not in KEEPING or torch.equal(most, bound.expand(most.shape))
        with torch.no_grad():
            assert torch.equal(network.ann()(x), graph(x))


def test_levels_and_bits_replace_learned_ones(captured):
    graph, data = learned(captured("module_relu"), 0.5), [NETWORKS["module_relu"].inputs(2)]
    for method, levels in (
        (iso.methods.BitCoded(bits=2), 3),
        (iso.methods.BitCoded(levels=9), 9),
        (iso.methods.Pascal(levels=4), 4),
    ):
        neuron = iso.convert(graph, method, data=data).graph.get_submodule("relu")
        assert neuron.levels == levels
        assert torch.equal(neuron.unit, torch.tensor(0.5, dtype=torch.float64) / levels)
    with pytest.raises(iso.errors.OptionError, match="left out when bits are given"):
        iso.methods.BitCoded(bits=2, levels=3)


@pytest.mark.parametrize("bound", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("method", list(iso.methods.methods))
def test_learned_bounds_must_be_positive(method, bound, captured):
    graph = learned(captured("in_place"), 1.0, bound)
    with pytest.raises(CalibrationError, match=r"site 'relu#2' has the learned bound .*positive and finite"):
        iso.convert(graph, iso.methods.methods[method](), data=[NETWORKS["in_place"].inputs(2)])


def test_the_learned_rule_refuses_other_sites(captured):
    with pytest.raises(CalibrationError, match=r"site 'relu' has no learned bound"):
        iso.convert(
            captured("module_relu"), iso.methods.Pascal(scale="learned"), data=NETWORKS["module_relu"].inputs(2)
        )
    graph = learned(captured("in_place"), torch.ones(3, 1, 1), 1.0)
    with pytest.raises(CalibrationError, match="3 learned bounds for 4 channels"):
        iso.convert(graph, iso.methods.Pascal(), data=NETWORKS["in_place"].inputs(2))


def test_kinds_are_not_mixed(captured):
    graph = captured("in_place").view()
    first, second = graph.nodes_with(Role.ACTIVATION)
    one = torch.tensor(1.0, dtype=torch.float64)
    graph.replace(first, BitCodedNeuron(one, 3))
    graph.replace(second, iso.neurons.IntegrateAndFire(one, one / 2))
    with pytest.raises(ConversionError, match="mixes"):
        network_of(graph, Profile(Provenance("by hand")))


def test_networks_that_were_run_can_be_cast(captured):
    """What was compiled from the old tensors is dropped."""
    x = NETWORKS["batch_norms"].inputs(2)
    snn = iso.convert(captured("batch_norms"), METHODS["bit-coded"], data=[x])
    iso.simulate(snn, x, executor="stepped")
    run = iso.simulate(snn.float(), x.float(), executor="stepped")
    assert run.output.dtype == torch.float32
