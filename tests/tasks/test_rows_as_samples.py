"""Rows of a sample in the batch axis of an output are no samples."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from isospike.errors import DataError, TaskError
from isospike.tasks import Regression

X = torch.rand(6, 5, 4, generator=torch.Generator().manual_seed(0))


class Rows(nn.Module):
    def __init__(self, *, flat: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net, self.flat = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)), flat

    def forward(self, x: Tensor) -> Tensor:
        rows = self.net(x)
        return rows.flatten(0, 1) if self.flat else rows


def test_rows_are_judged_as_an_axis_of_their_sample():
    flat, whole = (iso.convert(Rows(flat=one).eval(), iso.methods.BitCoded(bits=3), data=[X]) for one in (True, False))
    assert flat.task == whole.task == Regression()
    assert flat.graph.output_shapes == whole.graph.output_shapes == ((5, 3),)
    targets = torch.rand(6, 5, 3, generator=torch.Generator().manual_seed(1))
    for data in ([X], [(X, targets)]):
        one, two = (iso.evaluate(snn, data) for snn in (flat, whole))
        assert one.images == two.images == 6
        assert (one.metric, one.ann, one.agreements) == (two.metric, two.ann, two.agreements)


def test_what_does_not_fit_rows_is_one_line():
    snn = iso.convert(Rows(flat=True).eval(), iso.methods.BitCoded(), data=[X])
    labels = torch.zeros(6, dtype=torch.long)
    calls = {
        r"the network's output is \[B, 5, 3\]": lambda: iso.evaluate(snn, [(X, labels)]),
        "a batch has 6 samples and 30 targets": lambda: iso.evaluate(snn, [(X, torch.rand(30, 3))]),
        r"the network puts out \[B, 5, 3\]": lambda: iso.evaluate(snn, [(X, labels)], task="classification"),
    }
    for message, call in calls.items():
        with pytest.raises((DataError, TaskError), match=message) as caught:
            call()
        assert "\n" not in str(caught.value)
