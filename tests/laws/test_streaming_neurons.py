"""Networks of every streaming neuron: cut anywhere, saved, counted; and neurons with currents of their own."""

from __future__ import annotations

import pytest
import torch

import isospike as iso
from blocks import leaves
from isospike.errors import OptionError, SimulationError
from isospike.graphs.graph import op_of
from isospike.neurons import (
    BufferedNeuron,
    BurstNeuron,
    Graded,
    HardReset,
    IntegrateAndFire,
    SignedMemory,
    StreamingNeuron,
    streaming,
)
from isospike.ops import Role
from networks import ALL
from short_methods import METHODS

STEPS = 12
BIASES = {"none": 0, "constant": 1, "schedule": STEPS}
KINDS = {**dict(streaming.items()), "buffered-4": lambda *args, **own: BufferedNeuron(*args, largest=4, **own)}


def network(snn: iso.SNN, kind: str, schedule: int = 0) -> iso.SNN:
    """The network with other neurons, each with a bias of ``schedule`` steps."""
    graph = snn.graph.view()
    for node in graph.nodes_with(Role.ACTIVATION):
        old = graph.module_of(node)
        shape = (schedule, op_of(node).shape[0], *(1,) * (len(op_of(node).shape) - 1))
        bias = torch.linspace(-0.1, 0.1, max(1, torch.Size(shape).numel()), dtype=torch.float64)
        bias = bias.view(shape) * old.v_threshold if schedule else None
        graph.replace(node, KINDS[kind](old.v_threshold, old.v_init, old.activation, bias=bias))
    return snn.with_graph(graph)


def assert_equal(a: iso.Run, b: iso.Run, tolerance: float = 0.0) -> None:
    for y, z in zip(leaves(a.output), leaves(b.output), strict=True):
        assert (y - z).abs().max() <= tolerance
    for site in a.spikes:
        assert torch.equal(a.spikes[site], b.spikes[site])
        assert torch.equal(a.packets[site], b.packets[site])


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("kind", KINDS)
def test_cut_in_two_and_step_by_step(kind, bias, converted):
    snn = network(converted("reused_relu", METHODS["maximum"]), kind, BIASES[bias])
    x = ALL["reused_relu"].inputs(2)
    whole = iso.simulate(snn, x, steps=STEPS)
    # without the kernels torch adds up the products of one step in another order than those of twelve
    assert_equal(iso.simulate(snn, x, steps=STEPS, executor="step"), whole, tolerance=1e-13)
    first = iso.simulate(snn, x, steps=5)
    for _ in range(2):  # the second time shows that the state was not changed
        second = iso.simulate(snn, x, steps=STEPS - 5, state=first.state)
        for site, spikes in whole.spikes.items():
            assert torch.equal(torch.cat([first.spikes[site], second.spikes[site]]), spikes)
            assert torch.equal(torch.cat([first.packets[site], second.packets[site]]), whole.packets[site])


@pytest.mark.parametrize("bias", BIASES)
@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_loaded(kind, bias, converted, tmp_path):
    snn = network(converted("module_relu", METHODS["maximum"]), kind, BIASES[bias])
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")
    x = ALL["module_relu"].inputs(3)
    assert_equal(iso.simulate(loaded, x, steps=STEPS), iso.simulate(snn, x, steps=STEPS))
    for site in snn.sites:
        old, new = snn.graph.get_submodule(site), loaded.graph.get_submodule(site)
        assert type(new) is type(old)
        assert repr(new) == repr(old)


@pytest.mark.parametrize("kind", KINDS)
def test_packets_are_spikes_unless_one_event_is_worth_several(kind, converted):
    snn = network(converted("module_relu", METHODS["percentile"]), kind)
    run = iso.simulate(snn, 3 * ALL["module_relu"].inputs(4), steps=STEPS)
    assert list(run.packets) == list(run.spikes) == list(snn.sites)
    for site, spikes in run.spikes.items():
        up = snn.graph.get_submodule(site).largest
        assert (run.packets[site] <= spikes).all()
        assert (spikes <= up * run.packets[site]).all()
    several = any((run.packets[site] < spikes).any() for site, spikes in run.spikes.items())
    assert several == (kind in ("burst", "buffered-4", "graded", "harmony"))


def test_accumulate_then_emit_networks_send_single_spikes(converted):
    run = iso.simulate(converted("module_relu", METHODS["bit-coded"]), ALL["module_relu"].inputs(2))
    assert list(run.packets) == list(run.spikes) != []
    assert all(torch.equal(run.packets[site], spikes) for site, spikes in run.spikes.items())


def test_what_is_not_recorded_is_empty(converted):
    for method, steps in (("maximum", 3), ("bit-coded", None)):
        snn = converted("module_relu", METHODS[method])
        run = iso.simulate(snn, ALL["module_relu"].inputs(2), steps=steps, record=iso.Record(spikes=False))
        assert run.spikes == run.packets == {}


def test_a_schedule_ends(converted):
    snn = network(converted("module_relu", METHODS["maximum"]), "integrate-and-fire", 4)
    x = ALL["module_relu"].inputs(2)
    first = iso.simulate(snn, x, steps=4)
    for arguments in ({"steps": 5}, {"steps": 1, "state": first.state}):
        with pytest.raises(SimulationError, match="schedule of a neuron has 4 steps, step 5 was asked for"):
            iso.simulate(snn, x, **arguments)


@pytest.mark.parametrize("kind", list(streaming))
def test_a_bias_is_a_current(kind):
    z = torch.randint(-64, 96, (6, 2, 3, 4), generator=torch.Generator().manual_seed(0)).double() / 64
    bias = torch.randint(-32, 32, (6, 3, 1), generator=torch.Generator().manual_seed(1)).double() / 64
    one = torch.tensor(1.0, dtype=torch.float64)
    for own in (bias, bias[:1]):
        with_bias, plain = streaming[kind](one, one / 2, bias=own), streaming[kind](one, one / 2)
        a, _ = with_bias.advance(z, with_bias.start(z[0]), overwrite=False)
        b, _ = plain.advance(z + own.unsqueeze(1), plain.start(z[0]), overwrite=False)
        assert torch.equal(a, b)


@pytest.mark.parametrize("kind", [BurstNeuron, BufferedNeuron, Graded])
@pytest.mark.parametrize("largest", [0, -1, 1.5, "2", 2**20, True])
def test_largest_is_a_number_of_spikes(kind, largest):
    with pytest.raises(
        OptionError, match=f"^{kind.title()} neurons: largest must be a whole number .* from 1 to 65,536"
    ):
        kind(torch.tensor(1.0), torch.tensor(0.5), largest=largest)


@pytest.mark.parametrize("largest", [3, 5, 6, 7, 12])
def test_buffered_neurons_send_powers_of_two(largest):
    with pytest.raises(OptionError, match=r"^Buffered neurons: largest must be a power of two, .*graded"):
        BufferedNeuron(torch.tensor(1.0), torch.tensor(0.5), largest=largest)
    for method, given in ((iso.methods.Buffered, {}), (iso.methods.CalibratedBuffered, {"neuron": "buffered"})):
        with pytest.raises(OptionError, match=f"^{method.name()}: largest must be a power of two"):
            method(largest=largest, **given)
    assert iso.methods.Buffered(largest=largest, powers_of_two=False).parts().neurons.largest == largest


@pytest.mark.parametrize("kind", list(streaming))
def test_a_constant_current_at_the_bound_comes_out_whole(kind):
    """The static function and the trains agree on what the bound is, for every size of events."""
    one = torch.tensor(1.0, dtype=torch.float64)
    for largest in range(1, 9):
        if streaming[kind].wanted(largest):
            continue
        sizes = streaming[kind].sizes(largest, capped=False)
        theta = one / streaming[kind].spikes_to_bound(**sizes)
        neuron = streaming[kind](theta, theta / 2, **sizes)
        out, _ = neuron.advance(one.expand(64, 1, 1), neuron.start(one.view(1, 1)), overwrite=False)
        assert abs(out.mean() - neuron(one)) <= theta / 64


@pytest.mark.parametrize("kind", [IntegrateAndFire, HardReset, BurstNeuron, SignedMemory, BufferedNeuron, Graded])
def test_a_bias_has_a_time_axis(kind: type[StreamingNeuron]):
    for bias in (torch.tensor(0.1), torch.empty(0, 3)):
        with pytest.raises(OptionError, match="leading time axis"):
            kind(torch.tensor(1.0), torch.tensor(0.5), bias=bias)
