"""A sample that leaves early has the answer, and the spikes, that it has at that step of a plain run."""

from __future__ import annotations

import pytest
import torch

import isospike as iso
from isospike.executors import State, executors_of
from isospike.executors.execution import Execution
from isospike.executors.program import compile_program
from isospike.neurons import IntegrateAndFire, Kind
from isospike.tasks import Classification, default_task
from networks import ALL
from short_methods import METHODS, STEPWISE, pairs

ROUNDING = 1e-12
"""Of the largest output: matrix products of another batch size may sum float64 in another order."""
STEPS = 12
CLASSIFIERS = [name for name in ALL if name not in ("transposed", "upsampled", "tuple_output", "dict_output")]


def plainly(snn: iso.SNN, x: torch.Tensor) -> iso.Run:
    """A run with the answers at all steps that give one."""
    return iso.simulate(snn, x, steps=STEPS, record=iso.Record(at=tuple(range(snn.probe + 1, STEPS + 1))))


def halfway(snn: iso.SNN, x: torch.Tensor, kind: str = "confidence") -> iso.exits.ExitRule:
    """A rule whose threshold lies in the widest gap amid the scores, far from all of them compared with rounding."""
    rules = {
        "confidence": iso.exits.Confidence(0.5, temperature=2.0),
        "dynamic-confidence": iso.exits.DynamicConfidence(0.5, STEPS),
        "entropy": iso.exits.Entropy(0.5, temperature=2.0),
    }
    rule = rules[kind]
    run, start = plainly(snn, x), snn.readout.start
    scores = torch.stack([rule.score(answer, t - start(t)) for t, answer in run.answers.items()])
    values = scores.flatten().sort().values
    middle = values[len(values) // 3 : 2 * len(values) // 3]
    widest = int(middle.diff().argmax())
    threshold = (middle[widest] + middle[widest + 1]).item() / 2
    return type(rule)(threshold, *([STEPS] if kind == "dynamic-confidence" else [2.0]))


def check(snn: iso.SNN, x: torch.Tensor, run: iso.Run) -> None:
    """The answers and spikes of a run with exits are those of a plain one, up to every sample's exit."""
    plain = plainly(snn, x)
    assert (run.steps, run.answers, run.outputs, run.state) == (STEPS, {}, None, None)
    assert run.exit_steps.dtype == torch.int64
    assert list(run.spikes) == list(run.packets) == list(plain.spikes)
    for sample, step in enumerate(run.exit_steps.tolist()):
        expected = plain.answers[step][sample]
        assert (run.output[sample] - expected).abs().max() <= ROUNDING * max(1.0, expected.abs().max().item())
        for found, wanted in ((run.spikes, plain.spikes), (run.packets, plain.packets)):
            for site, counts in wanted.items():
                assert torch.equal(found[site][:step, sample], counts[:step, sample])
                assert not found[site][step:, sample].any()


@pytest.mark.parametrize(("name", "method"), pairs(CLASSIFIERS, STEPWISE))
def test_answers_at_the_exits(name, method, converted):
    snn, x = converted(name, METHODS[method]), ALL[name].inputs(6)
    run = iso.simulate(snn, x, steps=STEPS, exit=halfway(snn, x))
    assert run.exit_steps.min() < STEPS
    check(snn, x, run)


@pytest.mark.parametrize("kind", list(iso.exits.exits))
@pytest.mark.parametrize("delay", [0, 2, 5, 100])
def test_a_delayed_readout_holds(delay, kind, converted):
    snn = converted("reused_relu", iso.methods.LocalThresholdBalancing(iterations=4, delay=delay))
    x = ALL["reused_relu"].inputs(8)
    check(snn, x, iso.simulate(snn, x, steps=STEPS, exit=halfway(snn, x, kind)))


@pytest.mark.parametrize("rule", ["cumulative", "instantaneous", "winner"])
def test_pools(rule, converted):
    snn, x = converted("max_pools", iso.methods.Maximum(pooling=rule)), ALL["max_pools"].inputs(8)
    check(snn, x, iso.simulate(snn, x, steps=STEPS, exit=halfway(snn, x)))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_sequences(name, converted):
    snn = converted(name, METHODS["percentile"])
    x = torch.stack([ALL[name].inputs(6, seed=t) for t in range(STEPS + 1)])
    check(snn, x, iso.simulate(snn, x, steps=STEPS, exit=halfway(snn, x)))


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_never_and_at_once(name, converted):
    snn, x = converted(name, METHODS["maximum"]), ALL[name].inputs(4)
    for rule in (iso.exits.Confidence(1.0), iso.exits.DynamicConfidence(1.0, STEPS), iso.exits.Entropy(0.0)):
        run = iso.simulate(snn, x, steps=STEPS, exit=rule)
        assert run.exit_steps.tolist() == [STEPS] * 4
        check(snn, x, run)
    run = iso.simulate(snn, x, steps=STEPS, exit=iso.exits.Confidence(0.0))
    assert run.exit_steps.tolist() == [1] * 4
    check(snn, x, run)


def test_what_left_is_not_computed(monkeypatch, converted):
    snn, x = converted("module_relu", METHODS["maximum"]), ALL["module_relu"].inputs(10)
    seen: list[int] = []
    advance = IntegrateAndFire.advance

    def counted(self, currents, memory, *, overwrite):
        seen.append(currents.shape[0] * currents.shape[1])
        assert memory["v"].shape[0] == currents.shape[1]
        return advance(self, currents, memory, overwrite=overwrite)

    rule = halfway(snn, x)
    monkeypatch.setattr(IntegrateAndFire, "advance", counted)
    run = iso.simulate(snn, x, steps=STEPS, exit=rule)
    assert sum(seen) == len(snn.sites) * int(run.exit_steps.sum()) < len(snn.sites) * 10 * STEPS
    assert seen == sorted(seen, reverse=True)
    seen.clear()
    iso.simulate(snn, x, steps=STEPS, exit=iso.exits.Confidence(0.0))
    assert seen == [10] * len(snn.sites)  # nothing after the first step


@torch.no_grad()
def test_memory_without_axes_belongs_to_all_samples(converted):
    snn, x = converted("max_pools", METHODS["maximum"]), ALL["max_pools"].inputs(5)
    execution = Execution(compile_program(snn.graph, constant_input=True), x, State())
    execution.advance(x, 1)
    before = {name: dict(memory) for name, memory in execution.memory.items()}
    for memory in execution.memory.values():
        memory["clock"] = torch.tensor(3.0)
    rows = torch.tensor([1, 4])
    execution.keep(rows)
    for name, memory in before.items():
        assert execution.memory[name].pop("clock") == 3.0
        for key, value in memory.items():
            kept = execution.memory[name][key]
            assert torch.equal(kept, value[rows])
            assert kept.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", ["max_pools", "attention", "split"])
def test_batches_do_not_matter(name, converted):
    snn, x = converted(name, METHODS["percentile"]), ALL[name].inputs(8)
    rule = halfway(snn, x)
    whole, again = (iso.simulate(snn, x, steps=STEPS, exit=rule) for _ in range(2))
    assert torch.equal(whole.output, again.output)
    assert torch.equal(whole.exit_steps, again.exit_steps)
    for executor in executors_of(Kind.STREAMING):
        parts = [iso.simulate(snn, part, steps=STEPS, exit=rule, executor=executor) for part in x.split([1, 4, 3])]
        assert torch.equal(torch.cat([part.exit_steps for part in parts]), whole.exit_steps)
        assert (torch.cat([part.output for part in parts]) - whole.output).abs().max() <= ROUNDING
        for site, counts in whole.spikes.items():
            assert torch.equal(torch.cat([part.spikes[site] for part in parts], 1), counts)


def test_spikes_can_be_left_out(converted):
    snn, x = converted("max_pools", METHODS["percentile"]), ALL["max_pools"].inputs(8)
    rule = halfway(snn, x)
    run = iso.simulate(snn, x, steps=STEPS, exit=rule, record=iso.Record(outputs=False, spikes=False))
    assert run.spikes == {}
    assert torch.equal(run.output, iso.simulate(snn, x, steps=STEPS, exit=rule).output)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_input_is_not_changed(name, converted):
    snn, x = converted(name, METHODS["maximum"]), ALL[name].inputs(4)
    before = x.clone()
    iso.simulate(snn, x, steps=STEPS, exit=halfway(snn, x))
    assert torch.equal(x, before)


def test_the_networks_that_classify(captured):
    classify = [name for name in ALL if default_task(captured(name).output_shapes) == Classification()]
    assert classify == CLASSIFIERS
