"""An executor from outside the package runs, evaluates and lets samples leave like those of the package."""

from __future__ import annotations

import pytest
import torch

import isospike as iso
from isospike.errors import SimulationError
from isospike.executors import Chunk, Executor, Portion, executors, executors_of
from isospike.executors.collapsed import CollapsedWalk
from isospike.executors.emitting import EmittingExecutor
from isospike.executors.streaming import StreamingExecutor
from isospike.neurons import EventCounts, Kind
from networks import ALL
from short_methods import EMITTING, METHODS, STEPWISE, chosen

NAME, STEPS = "reused_relu", 12


class Threes(StreamingExecutor):
    """Chunks of three steps, whatever the budget."""

    def steps_at_once(self, bytes_per_step, budget):
        return 3


class OneByOne(EmittingExecutor):
    """Images one after the other."""

    shows_trains = False

    def compile(self, network, *, constant_input):
        return network.trains()

    def walk(self, program, record):
        return CollapsedWalk(program, record)

    def elements(self, program):
        return 2**60


class Static(Executor):
    """The mean that a streaming network converges to, at its last step alone; it counts no spike."""

    kind = Kind.STREAMING
    every_step = False
    shows_trains = False

    def check(self, network, job):
        return executors["layer"].check(network, job)

    def compile(self, network, *, constant_input):
        return network.graph

    def portion(self, network, program, job):
        return Portion(2, job.steps)

    def begin(self, program, x, job):
        graph = program

        class Once:
            memory: dict = {}  # noqa: RUF012

            def advance(self, _, steps):
                none = torch.zeros(steps, len(x), dtype=torch.int64)
                return Chunk([graph(x).unsqueeze(0)], {site: EventCounts(none, none) for site in graph.sites})

        return Once()

    def answers(self, network, job):
        from isospike.executors.sums import Total

        return Total()


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setattr(executors, "_entries", dict(executors._entries))
    for name, executor in {"threes": Threes(), "one-by-one": OneByOne(), "static": Static()}.items():
        executors.register(name, executor)


def assert_same(a: iso.Run, b: iso.Run) -> None:
    torch.testing.assert_close(a.output, b.output)
    assert all(torch.equal(a.spikes[site], counts) for site, counts in b.spikes.items())


@pytest.mark.parametrize("method", sorted(STEPWISE))
def test_a_streaming_one(method, converted):
    snn, x = chosen(converted(NAME, METHODS[method]), STEPS), ALL[NAME].inputs(5)
    assert executors_of(snn.kind)[:2] == ["layer", "step"]
    assert_same(iso.simulate(snn, x, steps=STEPS, executor="threes"), iso.simulate(snn, x, steps=STEPS))
    first = iso.simulate(snn, x, steps=5, executor="threes")
    rest = iso.simulate(snn, x, steps=STEPS - 5, executor="threes", state=first.state)
    torch.testing.assert_close(rest.output, iso.simulate(snn, x, steps=STEPS).output)


@pytest.mark.parametrize("method", sorted(EMITTING))
def test_an_emitting_one(method, converted):
    snn, x = converted(NAME, METHODS[method]), ALL[NAME].inputs(5)
    assert_same(iso.simulate(snn, x, executor="one-by-one"), iso.simulate(snn, x))
    found = iso.verify(ALL[NAME].build(), snn, [x])  # compares all executors of the kind
    assert found.exact, found.first_difference


@pytest.mark.parametrize(("method", "executor"), [("maximum", "threes"), ("bit-coded", "one-by-one")])
def test_evaluates(method, executor, converted):
    snn, x = converted(NAME, METHODS[method]), ALL[NAME].inputs(5)
    batches = [(x, torch.arange(5)), (x[:2], torch.arange(2))]
    steps = snn.settled_steps(None) or (4, STEPS)
    found, wanted = (iso.evaluate(snn, batches, steps=steps, executor=name) for name in (executor, None))
    assert found.spikes == wanted.spikes
    assert found.agreement == wanted.agreement


@pytest.mark.parametrize("executor", ["layer", "step", "threes"])
def test_exits_go_with_every_executor_of_single_steps(executor, converted):
    snn, x = converted(NAME, METHODS["maximum"]), ALL[NAME].inputs(6)
    rule = iso.exits.Confidence(0.25, temperature=8.0)
    runs = [iso.simulate(snn, x, steps=STEPS, exit=rule, executor=name) for name in (executor, "step")]
    assert_same(*runs)
    assert torch.equal(runs[0].exit_steps, runs[1].exit_steps)
    assert len(set(runs[0].exit_steps.tolist())) > 1


def test_an_executor_of_the_last_step(converted):
    snn, x = converted(NAME, METHODS["maximum"]), ALL[NAME].inputs(5)
    run = iso.simulate(snn, x, steps=STEPS, executor="static")
    torch.testing.assert_close(run.output, snn.graph(x))
    assert run.outputs is None
    assert run.state is None
    with pytest.raises(SimulationError, match="needs an answer at every step, executor 'static' gives none") as caught:
        iso.simulate(snn, x, steps=STEPS, executor="static", exit=iso.exits.Confidence(0.5))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("executor", ["collapsed", "stepped", "one-by-one"])
def test_exits_are_refused_by_executors_of_the_other_kind(executor, converted):
    with pytest.raises(SimulationError, match="runs accumulate-then-emit networks, this one is streaming"):
        iso.simulate(
            converted(NAME, METHODS["maximum"]),
            ALL[NAME].inputs(2),
            steps=3,
            executor=executor,
            exit=iso.exits.Confidence(0.5),
        )
