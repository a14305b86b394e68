"""A task of someone else's: one class, registered from outside, converts, is saved, measured and compared."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import isospike as iso
from isospike.comparison import Comparison
from isospike.errors import DataError
from isospike.report import write_report
from isospike.tasks import Measure, Measured, Score, Task, register_task, tasks, tensors_of

X = torch.rand(60, 3, generator=torch.Generator().manual_seed(0))
LARGEST = Measure("largest_error", "Largest error", "largest error", "mV", rising=False, perfect=0.0, least=0.0)


class Largest(Score):
    measures = (LARGEST,)

    def __init__(self) -> None:
        self.worst, self.count = 0.0, 0

    def update(self, answers: Tensor, references: Tensor) -> None:
        self.worst = max(self.worst, float((answers - references).abs().max()))
        self.count += len(answers)

    def merge(self, other: Largest) -> None:
        self.worst, self.count = max(self.worst, other.worst), self.count + other.count

    def values(self) -> tuple[Measured, ...]:
        return (Measured(LARGEST, self.worst, self.count),)


@pytest.fixture(scope="module", autouse=True)
def worst_case():
    @register_task
    @dataclass(frozen=True)
    class WorstCase(Task):
        """The largest error of any sample."""

        scale: float = 1.0

        def check_outputs(self, shapes: Any) -> None:
            """All outputs."""

        def read_targets(self, targets: Any, shapes: Any, samples: int) -> Tensor:
            if len(targets) != samples:
                raise DataError("too few")
            return self.scale * targets.reshape(samples, -1)

        def decide(self, outputs: Any) -> Tensor:
            return self.scale * tensors_of(outputs)[0].flatten(1)

        def score(self, shapes: Any) -> Score:
            return Largest()

        def agreement(self, shapes: Any) -> Score:
            return Largest()

    yield WorstCase
    tasks._entries.pop("worst-case")


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 16), torch.nn.ReLU(), torch.nn.Linear(16, 2)).eval()


def test_it_converts_and_is_kept(model, tmp_path):
    snn = iso.convert(model, iso.methods.BitCoded(bits=6), data=[X], task="worst-case:scale=1000")
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")
    assert (loaded.task.name(), loaded.task.options()) == ("worst-case", {"scale": 1000.0})
    with torch.no_grad():
        y, got = model(X), loaded(X)
    found = iso.evaluate(loaded, [(X[:20], y[:20]), (X[20:], y[20:])])
    assert found.metric[6] == pytest.approx(1000 * float((got - y).abs().max()), rel=1e-5)  # float32
    assert "largest error mV" in str(found)
    assert iso.verify(model, loaded, [X]).agreed.measure == LARGEST
    diagnosed = iso.diagnose(model, loaded, [(X, y)])
    assert diagnosed.verdict.startswith("Largest error of the network: ")
    assert iso.account(loaded, [X])[6].images == 60


def test_it_compares_and_chooses(model, tmp_path):
    with torch.no_grad():
        test = [(X[:30] + 0.01, model(X[:30] + 0.01))]
    found = iso.compare(model, [X], test, methods=["bit-coded", "maximum"], steps=(2, 6), task="worst-case")
    best = min(found.cells, key=lambda cell: cell.score)
    assert (best.label, best.steps) == ("bit-coded", 6)
    assert best in found.front()
    found.save(tmp_path / "c.json")
    assert Comparison.load(tmp_path / "c.json") == found
    assert json.loads((tmp_path / "c.json").read_text())["task"]["name"] == "worst-case"
    page = write_report(tmp_path / "r.html", found).read_text()
    assert "Largest error (mV)" in page
    for word in ("accuracy", "Top-1"):
        assert word not in page.split("</style>")[1].split("<script")[0]
    limit = 1.001 * best.score
    searched = {"methods": ["bit-coded"], "steps": (2, 6), "bit_trials": 0, "task": "worst-case"}
    choice = iso.auto(model, [X], test, max_drop=limit, **searched)
    assert (choice.steps, choice.snn.task.name()) == (6, "worst-case")
    assert choice.cell.score <= limit
