"""All state is in plain sight: a run can be cut anywhere, repeated, and leaves nothing behind."""

from __future__ import annotations

import copy

import pytest
import torch

import isospike as iso
from blocks import leaves
from isospike.errors import SimulationError
from networks import ALL, NETWORKS
from short_methods import CALIBRATED, FEW, METHODS, PROBING, STEPWISE, WHOLE, chosen, pairs

ROUNDING = 1e-12
"""Of the largest output: matrix products of another chunk size may sum float64 in another order."""


def assert_close(a: object, b: object) -> None:
    for x, y in zip(leaves(a), leaves(b), strict=True):
        assert (x - y).abs().max() <= ROUNDING * max(1.0, x.abs().max().item())


@pytest.mark.parametrize(("name", "method"), pairs(ALL, STEPWISE))
def test_sixteen_and_sixteen_are_thirty_two(name, method, converted):
    _check_split(chosen(converted(name, METHODS[method]), 32), ALL[name].inputs(2))


@pytest.mark.parametrize("method", WHOLE)
def test_neurons_that_need_the_whole_train_are_not_continued(method, converted):
    snn, x = converted("reused_relu", METHODS[method]), ALL["reused_relu"].inputs(2)
    first = iso.simulate(snn, x, steps=16)
    for options in ({"state": first.state}, {"executor": "step"}):
        with pytest.raises(SimulationError, match=r"'relu' need their whole train at once: .*'layer'$"):
            iso.simulate(snn, x, steps=16, **options)
    assert iso.simulate(snn, x, steps=16, memory_budget=1).steps == 16  # the budget gives way


@pytest.mark.parametrize("method", CALIBRATED)
def test_a_run_in_parts_says_how_long_the_whole_will_be(method, converted):
    snn, x = converted("reused_relu", METHODS[method]), ALL["reused_relu"].inputs(2)
    part = iso.simulate(snn.at(32), x, steps=12)
    with pytest.raises(SimulationError, match=r"pick one with snn\.at\(steps\) to run it in parts"):
        iso.simulate(snn, x, steps=12, state=part.state)
    with pytest.raises(SimulationError, match=r"not calibrated for 16 steps, but for 4, 12, 32$"):
        iso.simulate(snn, x, steps=16)


@pytest.mark.parametrize("method", PROBING)
def test_probing_steps_give_no_answer(method, converted):
    snn, x = converted("reused_relu", METHODS[method]), ALL["reused_relu"].inputs(2)
    probe = METHODS[method].probe
    for steps in range(1, probe + 1):
        with pytest.raises(SimulationError, match=rf"first {probe} steps are for probing .*at least {probe + 1}$"):
            iso.simulate(snn, x, steps=steps)
    with pytest.raises(SimulationError, match=rf"the run gives those at {probe + 1} to 8$"):
        iso.simulate(snn, x, steps=8, record=iso.Record(at=(probe,)))
    run = iso.simulate(snn, x, steps=8)
    assert_close(run.output, run.outputs[probe:].mean(0))


@pytest.mark.parametrize("delay", [0, 3, 14, 30, 100])
def test_sixteen_and_sixteen_with_a_delayed_readout(delay, converted):
    method = iso.methods.LocalThresholdBalancing(iterations=4, delay=delay)
    _check_split(converted("reused_relu", method), ALL["reused_relu"].inputs(2))


@pytest.mark.parametrize("rule", ["cumulative", "instantaneous", "winner"])
def test_sixteen_and_sixteen_with_pools(rule, converted):
    _check_split(converted("max_pools", iso.methods.Maximum(pooling=rule)), ALL["max_pools"].inputs(2))


def _check_split(snn: iso.SNN, x: torch.Tensor) -> None:
    early = (snn.probe + 1, 4, 16)
    whole = iso.simulate(snn, x, steps=32, record=iso.Record(at=(*early, 18, 25, 32)))
    first = iso.simulate(snn, x, steps=16, record=iso.Record(at=early))
    kept = copy.deepcopy(first.state)
    for _ in range(2):  # the second time shows that the state was not changed
        second = iso.simulate(snn, x, steps=16, record=iso.Record(at=(18, 25, 32)), state=first.state)
        assert (first.steps, second.steps) == (16, 32)
        for site, counts in whole.spikes.items():
            assert torch.equal(torch.cat([first.spikes[site], second.spikes[site]]), counts)
        parts = [torch.cat(pair) for pair in zip(leaves(first.outputs), leaves(second.outputs), strict=True)]
        assert_close(parts, whole.outputs)
        assert sorted(first.answers | second.answers) == sorted(whole.answers)
        for at, answer in whole.answers.items():
            assert_close((first.answers | second.answers)[at], answer)
        assert_close(second.output, whole.output)
        assert second.state.elapsed == 32
    for name, memory in kept.memory.items():
        assert all(torch.equal(memory[key], first.state.memory[name][key]) for key in memory)


def test_many_small_parts_of_a_sequence(converted):
    snn = converted("max_pools", METHODS["maximum"])
    x = torch.stack([ALL["max_pools"].inputs(2, seed=t) for t in range(12)])
    whole, state, spikes = iso.simulate(snn, x, steps=12), None, []
    for start in range(0, 12, 3):
        part = iso.simulate(snn, x[start : start + 3], steps=3, state=state)
        state = part.state
        spikes.append(part.spikes)
    for site, counts in whole.spikes.items():
        assert torch.equal(torch.cat([part[site] for part in spikes]), counts)
    assert_close(part.output, whole.output)


@pytest.mark.parametrize("delay", [0, 5, 200])
def test_what_a_state_keeps_does_not_grow_with_the_steps(delay, converted):
    snn = converted("module_relu", iso.methods.LocalThresholdBalancing(iterations=4, delay=delay))
    kept = [
        len(iso.simulate(snn, ALL["module_relu"].inputs(1), steps=steps, record=iso.Record(outputs=False)).state.sums)
        for steps in (20, 100, 300)
    ]
    assert max(kept) <= snn.readout.window + 4  # the last ones, the delay, the start and the end of the answer


@pytest.mark.parametrize("name", ALL)
def test_two_runs_are_the_same_run(name, converted):
    snn, x = converted(name, METHODS["percentile"]), ALL[name].inputs(2)
    before = copy.deepcopy(snn.state_dict())
    first, other, second = (iso.simulate(snn, value, steps=6) for value in (x, -x, x))
    assert all(torch.equal(a, b) for a, b in zip(leaves(first.outputs), leaves(second.outputs), strict=True))
    assert all(torch.equal(first.spikes[site], second.spikes[site]) for site in first.spikes)
    assert any(not torch.equal(first.spikes[site], other.spikes[site]) for site in first.spikes)
    assert all(torch.equal(before[key], value) for key, value in snn.state_dict().items())


@pytest.mark.parametrize("name", ALL)
def test_input_is_not_changed(name, converted):
    snn, x = converted(name, METHODS["maximum"]), ALL[name].inputs(2)
    sequence = x.repeat(4, *[1] * x.dim())
    before = x.clone(), sequence.clone()
    iso.simulate(snn, x, steps=4)
    iso.simulate(snn, sequence, steps=4)
    assert torch.equal(x, before[0])
    assert torch.equal(sequence, before[1])


@pytest.mark.parametrize(("name", "method"), pairs(NETWORKS, METHODS))
def test_conversion_leaves_the_graph_alone(name, method, captured):
    graph = captured(name)
    state, printed, sites = copy.deepcopy(graph.state_dict()), repr(graph), graph.sites
    data = [NETWORKS[name].inputs(4)]
    kept = data[0].clone()
    iso.convert(graph, METHODS[method], data=data)
    assert all(torch.equal(state[key], value) for key, value in graph.state_dict().items())
    assert (repr(graph), graph.sites) == (printed, sites)
    assert not any(isinstance(module, iso.neurons.Temporal) for module in graph.modules())
    assert torch.equal(data[0], kept)


def test_conversion_leaves_the_model_alone():
    case = NETWORKS["reused_relu"]
    model = case.build()
    before = copy.deepcopy(model.state_dict())
    snn = iso.convert(model, METHODS["maximum"], data=[case.inputs(4)])
    after = model.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[key], after[key]) for key in before)
    own = {id(tensor) for tensor in (*model.parameters(), *model.buffers())}
    assert not own & {id(tensor) for tensor in (*snn.parameters(), *snn.buffers())}
    model(case.inputs(2)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(("name", "method"), pairs(FEW, METHODS))
def test_ann_of_the_network_is_the_network_it_came_from(name, method, converted):
    """Whatever was calibrated: neither thresholds nor currents nor weights of one number of steps are the ANN's."""
    snn, x = converted(name, METHODS[method]), ALL[name].inputs(3)
    with torch.no_grad():
        expected = ALL[name].build()(x)
        for network in (snn, *map(snn.for_steps, snn.times.calibrated)):
            ann = network.ann()
            assert_close(ann(x), expected)
            assert not any(isinstance(module, iso.neurons.Temporal | iso.neurons.Emitter) for module in ann.modules())


@pytest.mark.parametrize("method", CALIBRATED)
def test_what_was_calibrated_is_moved_and_cast_with_the_network(method, captured):
    name, steps = "max_pools", 12
    x = ALL[name].inputs(2)
    snn = iso.convert(captured(name), METHODS[method], data=[x, x])
    picked = copy.deepcopy(snn.at(steps)).float()
    answer, ann = picked(x.float(), steps=steps), picked.ann()(x.float())
    assert answer.dtype == ann.dtype == torch.float32
    assert torch.equal(snn.float()(x.float(), steps=steps), answer)
    assert torch.equal(snn.ann()(x.float()), ann)


def test_a_copy_is_a_network_of_its_own(converted):
    snn, x = converted("max_pools", METHODS["maximum"]), ALL["max_pools"].inputs(2)
    twin = copy.deepcopy(snn)
    assert torch.equal(twin(x, steps=5), snn(x, steps=5))
    with torch.no_grad():
        for buffer in twin.buffers():
            buffer.mul_(2)
    assert not torch.equal(twin(x, steps=5), snn(x, steps=5))
