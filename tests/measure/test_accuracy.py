"""What `evaluate` refuses, it refuses before it simulates; what it counts is what `simulate` says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

import isospike as iso
from isospike.errors import DataError, IsospikeError, SimulationError, TaskError
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

    monkeypatch.setattr("isospike.executors.runner.drive", refused)


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
def test_targets_that_do_not_fit_cost_no_simulation(name, converted):
    made = converted(name, METHODS["maximum"])
    refused = refusal(DataError, made, [(NETWORKS[name].inputs(4), LABELS)])
    assert "1 target for 2 outputs" in refused or "give targets of this shape" in refused


@pytest.mark.usefixtures("no_simulation")
@pytest.mark.parametrize("name", ["tuple_output", "dict_output", "transposed"])
def test_a_task_that_does_not_fit_costs_no_simulation(name, converted):
    made = converted(name, METHODS["maximum"])
    with pytest.raises(
        TaskError, match=r"'classification' takes one output \[B, classes\], .* the network puts out \[B, "
    ):
        iso.evaluate(made, [NETWORKS[name].inputs(4)], steps=2, task="classification")


@pytest.mark.parametrize("steps", [3, torch.tensor([3]).numpy(), iter([3]), range(3, 4)])
def test_steps_may_be_one_number_or_any_iterable(steps, snn):
    found, expected = (iso.evaluate(snn, [(X, LABELS)], steps=asked) for asked in (steps, [3]))
    assert replace(found, seconds=0.0) == replace(expected, seconds=0.0)
    assert list(found.metric) == [3]


def test_a_streaming_network_needs_steps(snn):
    assert "say at which with steps=" in refusal(SimulationError, snn, [(X, LABELS)], None)


@pytest.mark.parametrize("steps", [0, True, 4.0, "4", [], [2, 1_000_001], [1, -1]])
def test_steps_that_are_none(steps, snn):
    assert "from 1 to 1,000,000" in refusal(SimulationError, snn, [(X, LABELS)], steps)


def test_counts_are_those_of_the_run(snn):
    run = iso.simulate(snn, X, steps=3)
    with torch.no_grad():
        ann = snn.ann()(X).argmax(1)
    found = iso.evaluate(snn, [(X[:3], LABELS[:3]), (X[3:], LABELS[3:])], steps=3)
    assert found.images == 4
    assert found.ann == (ann == LABELS).sum() / 4
    assert found.metric == {3: (run.output.argmax(1) == LABELS).sum() / 4}
    assert found.agreement == {3: (run.output.argmax(1) == ann).sum() / 4}
    assert found.spikes == {3: sum(int(counts.sum()) for counts in run.spikes.values()) / 4}


def batches_that_fail() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    yield X, LABELS
    raise KeyError("image 7")


def test_data_that_raise_are_named_with_the_batch(snn):
    with pytest.raises(DataError, match=r"^batch 2 of the data failed: KeyError: 'image 7'$") as caught:
        iso.evaluate(snn, batches_that_fail(), steps=2)
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize(
    ("loader", "message"),
    [
        (3, "the data are an int; give batches: a list, a DataLoader or a generator"),
        ([], "no sample"),
        ([(X, LABELS[:3])], "4 samples and 3 labels"),
        ([(X[:0], LABELS[:0])], "holds no sample"),
        ([(X, LABELS.double())], "whole numbers"),
        ([(X, LABELS[:, None])], "whole numbers"),
        ([(X.numpy(), LABELS.numpy())], "torch.as_tensor"),
        ([(X, LABELS.tolist())], "torch.as_tensor"),
        ([(X, LABELS), X], "only some batches have targets"),
    ],
)
def test_data_that_do_not_fit(loader, message, snn):
    assert message in refusal(DataError, snn, loader)


@pytest.mark.parametrize("network", [None, torch.nn.ReLU()])
def test_networks_that_do_not_spike(network):
    assert "isospike.convert" in refusal(SimulationError, network, [(X, LABELS)])


class Broken(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        if index == 6:
            raise ValueError("image 6 is broken")
        return X[0], 0


@pytest.mark.parametrize("workers", [0, 1])
def test_the_error_of_a_worker_is_the_original_one(workers, snn):
    loader = torch.utils.data.DataLoader(Broken(), batch_size=4, num_workers=workers)
    assert refusal(DataError, snn, loader) == "batch 2 of the data failed: ValueError: image 6 is broken"
