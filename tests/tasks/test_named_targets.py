"""Targets of a model with named outputs belong to them by name."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from isospike.errors import DataError

X = torch.rand(8, 4, generator=torch.Generator().manual_seed(0))


class Heads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body, self.one, self.two = nn.Linear(4, 6), nn.Linear(6, 3), nn.Linear(6, 3)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        hidden = torch.relu(self.body(x))
        return {"mean": self.one(hidden), "spread": self.two(hidden)}


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return Heads().eval()


@pytest.fixture(scope="module")
def snn(model) -> iso.SNN:
    return iso.convert(model, iso.methods.BitCoded(bits=8), data=[X])


def test_the_order_of_targets_in_a_mapping_is_nothing(model, snn):
    with torch.no_grad():
        own = model(X)
    swapped = {name: own[name] for name in reversed(own)}
    expected = iso.evaluate(snn, [(X, [own["mean"], own["spread"]])])
    assert expected.ann == 0
    for targets in (own, swapped):
        found = iso.evaluate(snn, [(X, targets)])
        assert (found.metric, found.ann) == (expected.metric, expected.ann)
        assert iso.diagnose(model, snn, [(X, targets)]).measured.value == next(iter(expected.metric.values()))
    assert snn.graph.output_names == ("mean", "spread")


@pytest.mark.parametrize(
    ("names", "wrong"),
    [
        (["mean"], "none for spread; give"),
        (["mean", "width"], "none for spread and no output width; give"),
        (["mean", "spread", "width"], "mean, spread: no output width; give"),
    ],
)
def test_missing_and_foreign_names_are_one_line(names, wrong, snn):
    with pytest.raises(DataError, match=wrong) as caught:
        iso.evaluate(snn, [(X, {name: torch.rand(8, 3) for name in names})])
    assert "\n" not in str(caught.value)
