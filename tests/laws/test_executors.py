"""One network, several executors and chunk sizes: the same spikes, integer for integer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import isospike as iso
from blocks import leaves
from isospike.executors import executors_of
from isospike.executors.execution import Execution
from isospike.executors.program import compile_program
from isospike.kernels import availability
from isospike.neurons import Kind
from isospike.pooling import rules
from networks import ALL
from short_methods import METHODS, STEPWISE, chosen, pairs, shortened

ROUNDING = 1e-12
"""Of the largest output: matrix products of another batch size may sum float64 in another order."""
STEPS = 12
POOLED = ("max_pools", "one_dimensional", "three_dimensional")


def assert_same(a: iso.Run, b: iso.Run) -> None:
    assert list(a.spikes) == list(b.spikes)
    for site in a.spikes:
        assert torch.equal(a.spikes[site], b.spikes[site]), site
    for x, y in zip(leaves((a.output, a.outputs)), leaves((b.output, b.outputs)), strict=True):
        assert x.shape == y.shape
        assert (x - y).abs().max() <= ROUNDING * max(1.0, x.abs().max().item())


def budgets(snn: iso.SNN, x: torch.Tensor, *, constant_input: bool = True) -> list[int]:
    """Bytes for one, for three and for all steps at once; half of a budget is for live values."""
    one = 2 * compile_program(snn.graph, constant_input=constant_input).step_elements * len(x) * x.element_size()
    return [1, 3 * one, STEPS * one]


@pytest.mark.parametrize(("name", "method"), pairs(ALL, STEPWISE))
def test_executors_and_chunks_agree(name, method, converted):
    snn, x = chosen(converted(name, METHODS[method]), STEPS), ALL[name].inputs(3)
    reference = iso.simulate(snn, x, steps=STEPS, executor="step")
    assert sum(int(counts.sum()) for counts in reference.spikes.values()) > 0
    for executor in executors_of(Kind.STREAMING):
        for budget in budgets(snn, x):
            assert_same(iso.simulate(snn, x, steps=STEPS, executor=executor, memory_budget=budget), reference)


@pytest.mark.skipif(availability() is not None, reason=f"no native kernels: {availability()}")
@pytest.mark.parametrize("sequence", [False, True], ids=["image", "sequence"])
@pytest.mark.parametrize("seed", range(3))
def test_neurons_exactly_at_their_thresholds(seed, sequence):
    """Saturated narrow layers from zero potential: every sum is a tie, and its order decides."""
    torch.manual_seed(seed)
    layers = [nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(32, 4)).double().eval()
    x = torch.randn(1, 10).double()
    snn = iso.convert(model, iso.methods.Maximum(v_init=0.0, granularity="channel"), data=[x])
    x = x.repeat(64, 1, 1) if sequence else x
    step, layer = (iso.simulate(snn, x, steps=64, executor=executor) for executor in ("step", "layer"))
    assert_same(step, layer)


@pytest.mark.parametrize("rule", list(rules))
@pytest.mark.parametrize("name", POOLED)
def test_pooling_rules_agree(name, rule, converted):
    snn, x = converted(name, shortened(iso.methods.Maximum, pooling=rule)), ALL[name].inputs(3)
    reference = iso.simulate(snn, x, steps=STEPS, executor="step")
    for budget in budgets(snn, x):
        assert_same(iso.simulate(snn, x, steps=STEPS, memory_budget=budget), reference)


@pytest.mark.parametrize("name", ALL)
def test_a_sequence_of_one_image_is_direct_coding(name, converted):
    snn, x = converted(name, METHODS["maximum"]), ALL[name].inputs(2)
    direct = iso.simulate(snn, x, steps=STEPS)
    for sequence in (x.expand(STEPS, *x.shape), x.repeat(STEPS + 2, *[1] * x.dim())):
        for executor in executors_of(Kind.STREAMING):
            assert_same(iso.simulate(snn, sequence, steps=STEPS, executor=executor), direct)


@pytest.mark.parametrize("name", ["module_relu", "max_pools", "arithmetic", "gated", "attention"])
def test_a_changing_sequence(name, converted):
    snn = converted(name, METHODS["maximum"])
    x = torch.stack([ALL[name].inputs(2, seed=t) for t in range(STEPS)])
    reference = iso.simulate(snn, x, steps=STEPS, executor="step")
    for budget in budgets(snn, x[0], constant_input=False):
        assert_same(iso.simulate(snn, x, steps=STEPS, memory_budget=budget), reference)


@pytest.mark.parametrize("name", ["reused_relu", "max_pools", "concat"])
def test_samples_do_not_see_each_other(name, converted):
    snn, x = converted(name, METHODS["maximum"]), ALL[name].inputs(3)
    together = iso.simulate(snn, x, steps=STEPS)
    for index in range(3):
        alone = iso.simulate(snn, x[index : index + 1], steps=STEPS)
        for site, counts in alone.spikes.items():
            assert torch.equal(counts[:, 0], together.spikes[site][:, index])


@pytest.mark.parametrize("name", ["module_relu", "max_pools", "gated"])
def test_calling_the_module_is_a_run(name, converted):
    snn, x = converted(name, METHODS["maximum"]), ALL[name].inputs(2)
    assert torch.equal(snn(x, steps=7), iso.simulate(snn, x, steps=7).output)
    assert torch.equal(snn(x, steps=7), snn(x, steps=7))
    assert iso.simulate(snn, x, steps=7, record=iso.Record(spikes=False)).spikes == {}


@pytest.mark.parametrize(("name", "kinds"), [("dict_output", (dict, list)), ("tuple_output", (tuple,))])
@pytest.mark.parametrize("method", ["maximum", "bit-coded"])
def test_outputs_are_as_plain_as_the_models(name, kinds, method, converted, tmp_path):
    snn, x = converted(name, METHODS[method]), ALL[name].inputs(2)
    snn.save(tmp_path / "net.snn")
    with torch.no_grad():
        expected = ALL[name].build()(x)
    for network in (snn, iso.load(tmp_path / "net.snn")):
        output = network(x, steps=snn.times.steps or 3)
        assert torch.utils._pytree.tree_structure(output) == torch.utils._pytree.tree_structure(expected)
        assert type(output) is kinds[0]
        if kinds[1:]:
            assert type(output["aux"]) is kinds[1]


@pytest.mark.parametrize("steps", [4, 64])
@pytest.mark.parametrize("name", ["module_relu", "reused_relu", "max_pools", "concat"])
def test_memory_is_bounded_by_the_budget_and_not_by_the_steps(name, steps, converted, monkeypatch):
    snn, x = converted(name, METHODS["maximum"]), ALL[name].inputs(2)
    elements = compile_program(snn.graph, constant_input=True).step_elements
    chunks, advance = [], Execution.advance
    monkeypatch.setattr(Execution, "advance", lambda self, x, n: (chunks.append(n), advance(self, x, n))[1])
    for budget in (4 * elements * 16, 10 * elements * 16 + 3):
        chunks.clear()
        iso.simulate(snn, x, steps=steps, memory_budget=budget, record=iso.Record(outputs=False))
        assert sum(chunks) == steps
        assert max(chunks) == min(steps, budget // 2 // (elements * 16))  # two samples of eight bytes
    assert compile_program(snn.graph, constant_input=True).step_elements == elements


@pytest.mark.parametrize("name", ["module_relu", "reused_relu", "max_pools", "concat", "gated"])
def test_step_elements_covers_the_values_alive(name, converted):
    """Hold every value until its last reader ran, and count: never more than the program says."""
    snn = converted(name, METHODS["maximum"])
    program = compile_program(snn.graph, constant_input=True)
    size = {i.node: torch.Size(i.node.meta["op"].shape).numel() for i in program.every_step if i.node.op != "get_attr"}
    alive, most = set(), 0
    for instruction in program.every_step:
        alive.add(instruction.node)
        most = max(most, sum(size.get(node, 0) for node in alive))
        alive -= set(instruction.free)
    assert 0 < most <= program.step_elements
