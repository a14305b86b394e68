"""What `evaluate` refuses, it refuses before it simulates; what it counts is what `simulate` says."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import isospike as iso
from isospike.errors import DataError, IsospikeError, SimulationError
from networks import NETWORKS
from short_methods import METHODS

X = NETWORKS["module_relu"].inputs(4)
LABELS = torch.tensor([0, 1, 2, 3])


@pytest.fixture
def snn(converted) -> iso.SNN:
    return converted("module_relu", METHODS["maximum"])


@pytest.fixture
def no_simulation(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a batch was simulated")

    monkeypatch.setattr("isospike.measure.accuracy.simulate", refused)


def refusal(kind: type[IsospikeError], snn: Any, loader: Any, steps: Any = (1, 2)) -> str:
    with pytest.raises(kind) as caught:
        iso.evaluate(snn, loader, steps=steps)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.usefixtures("no_simulation")
@pytest.mark.parametrize("labels", [[0, 1, 2, 5], [-1, 0, 1, 2]])
def test_labels_out_of_range_cost_no_simulation(labels, snn):
    assert "the network has classes 0 to 4" in refusal(DataError, snn, [(X, torch.tensor(labels))])


@pytest.mark.usefixtures("no_simulation")
@pytest.mark.parametrize("name", ["tuple_output", "dict_output", "transposed"])
def test_outputs_that_are_no_classes_cost_no_simulation(name, converted):
    made = converted(name, METHODS["maximum"])
    assert "not one tensor [B, classes]" in refusal(SimulationError, made, [(NETWORKS[name].inputs(4), LABELS)])
