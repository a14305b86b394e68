"""What does not fit a run is refused in one line."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
import torch

import isospike as iso
from isospike.errors import SimulationError
from networks import ALL
from short_methods import METHODS

X = ALL["gated"].inputs(3)


def refusal(*args, **options) -> str:
    with pytest.raises(SimulationError) as caught:
        iso.simulate(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def snn(converted):
    return converted("gated", METHODS["maximum"])


@pytest.fixture(scope="module")
def state(snn):
    return iso.simulate(snn, X, steps=6).state


def test_arguments_of_another_type(snn):
    assert "isospike.convert" in refusal(snn.graph, X, steps=2)
    assert "isospike.convert" in refusal(None, X, steps=2)
    assert "give a tensor" in refusal(snn, X.numpy(), steps=2)
    assert "isospike.Record" in refusal(snn, X, steps=2, record={"at": (1,)})
    assert "of an earlier isospike.Run" in refusal(snn, X, steps=2, state={})
    for steps in (2.0, "2", True, 0, -1, np.int64(0)):
        assert "steps must be a whole number" in refusal(snn, X, steps=steps)


def test_whole_numbers_of_other_libraries(snn):
    at = (np.int64(3),)
    run = iso.simulate(snn, X, steps=np.int64(6), record=iso.Record(at=at))
    assert (run.steps, sorted(run.answers)) == (6, [3, 6])
    assert torch.equal(run.output, snn(X, steps=6))


@pytest.mark.parametrize("at", [(1.5,), (1, "2"), (True,), 3, None, "12"])
def test_records_at_no_whole_steps(at):
    with pytest.raises(SimulationError, match=re.escape(f"got {at!r}")):
        iso.Record(at=at)


def test_a_state_of_another_batch_size(snn, state):
    assert "same batch size" in refusal(snn, X[:2], steps=2, state=state)
    assert "same batch size" in refusal(snn, X[:1], steps=2, state=state)  # would broadcast


@pytest.mark.parametrize("name", ["reused_relu", "max_pools", "module_relu"])
def test_a_state_of_another_network(name, state, converted):
    other = converted(name, METHODS["maximum"])
    refusal(other, ALL[name].inputs(3), steps=2, state=state)


def test_a_state_of_another_kind_of_input(converted):
    snn, x = converted("max_pools", METHODS["maximum"]), ALL["max_pools"].inputs(3)
    state = iso.simulate(snn, x, steps=4).state
    assert "kind of input" in refusal(snn, x.repeat(4, 1, 1, 1, 1), steps=4, state=state)


def test_a_state_that_was_changed(snn, state):
    name, memory = next(iter(state.memory.items()))
    for changed in (
        dataclasses.replace(state, memory={}),
        dataclasses.replace(state, memory={**state.memory, name: {}}),
        dataclasses.replace(state, memory={**state.memory, name: {k: v[..., :1] for k, v in memory.items()}}),
        dataclasses.replace(state, memory={**state.memory, name: {k: v.float() for k, v in memory.items()}}),
        dataclasses.replace(state, sums={}),
        dataclasses.replace(state, sums={step: [] for step in state.sums}),
        dataclasses.replace(state, sums={step: [y[:2] for y in total] for step, total in state.sums.items()}),
        dataclasses.replace(state, elapsed=5),
    ):
        refusal(snn, X, steps=2, state=changed)


@pytest.mark.parametrize("name", ALL)
def test_a_state_of_the_same_network_is_taken(name, converted):
    snn, x = converted(name, METHODS["maximum"]), ALL[name].inputs(2)
    for inputs in (x, x.repeat(3, *[1] * x.dim())):
        state = iso.simulate(snn, inputs, steps=3, state=iso.State()).state
        assert iso.simulate(snn, inputs, steps=3, state=state).steps == 6
