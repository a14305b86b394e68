"""Ops that cannot be converted are refused at once, in one line that lists them all."""

from __future__ import annotations

import inspect
import json

import pytest
import torch
from torch import nn

import isospike as iso
from isospike.errors import CaptureError, ConversionError
from isospike.graphs import Role
from networks import ALL, NETWORKS

X = torch.randn(2, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


class Mixed(nn.Module):
    """Two analogue ops and two that nobody knows."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 4, 3), nn.GELU()
        self.inner = nn.Sequential(nn.Conv2d(4, 4, 1), nn.Sigmoid())

    def forward(self, x):
        x = self.inner(self.act(self.conv(x)))
        x = torch.cumprod(x, 1)
        return torch.sort(x.relu(), 1)[0]


def mixed():
    torch.manual_seed(0)
    return Mixed().double().eval()


def line_of(text: str) -> str:
    lines, first = inspect.getsourcelines(Mixed)
    (found,) = [first + index for index, line in enumerate(lines) if text in line]
    return f"test_refused_ops.py:{found}"


def test_one_error_lists_every_refused_op_with_its_place():
    with pytest.raises(ConversionError) as caught:
        iso.convert(mixed(), iso.methods.Maximum(), data=[X])
    message = str(caught.value)
    assert "\n" not in message
    for name, place in (("act", "self.act("), ("inner.1", "self.act("), ("cumprod", "cumprod"), ("sort", "sort")):
        assert f"{name} (" in message
        assert line_of(place) in message
    assert "2 unsupported" in message
    assert "2 analogue" in message
    assert "analogue='allow'" not in message, "it would not be enough"


def test_allowing_islands_still_refuses_unsupported_ops():
    with pytest.raises(ConversionError) as caught:
        iso.convert(mixed(), iso.methods.Maximum(), data=[X], analogue="allow")
    assert "cumprod (" in str(caught.value)
    assert "act (" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in ALL if name not in NETWORKS])
def test_islands_are_refused_unless_allowed(name, captured):
    data = [ALL[name].inputs(4)]
    with pytest.raises(ConversionError, match="analogue"):
        iso.convert(captured(name), iso.methods.Maximum(), data=data)
    how = {"data": data, "analogue": "allow", "sites": "rectifiers"}
    snn = iso.convert(captured(name), iso.methods.Maximum(), **how)
    two_sided = tuple(island for island in snn.islands if island.endswith("_function"))  # of one sign are the neurons
    islands = tuple(op.name for op in captured(name).ops if op.role is Role.ANALOGUE)
    assert tuple(island for island in snn.islands if island not in two_sided) == islands


def test_network_without_activation_has_nothing_to_convert():
    with pytest.raises(ConversionError, match="no activation"):
        iso.convert(nn.Conv2d(3, 4, 3).double().eval(), iso.methods.Maximum(), data=[X])


@pytest.mark.parametrize("name", ["max_pools", "gated"])
def test_inspection_is_a_table_and_json(name, captured):
    graph = captured(name)
    inspection = iso.inspect(graph, ALL[name].inputs(2), sites="rectifiers")
    assert inspection.ops == graph.ops
    assert inspection.converts == (name in NETWORKS)
    title, header, *rows = str(inspection).splitlines()
    assert title == ", ".join(f"{count} {role}" for role, count in inspection.counts.items() if count)
    assert header.split() == ["name", "op", "role", "shape", "why", "source"]
    assert [row.split()[:3] for row in rows] == [[op.name, op.kind, op.role.value] for op in graph.ops]
    written = json.loads(json.dumps(inspection.to_dict()))
    assert set(written) == {"converts", "counts", "ops", "sites", "driven", "tables", "exact_sites"}
    assert sum(written["counts"].values()) == len(written["ops"]) == len(graph.ops)
    assert {"name", "kind", "role", "path", "source", "shape", "reason"} <= set(written["ops"][0])


def test_inspection_lists_what_conversion_refuses():
    inspection = iso.inspect(mixed(), X)
    assert [op.name for op in inspection.with_role(Role.ANALOGUE)] == ["act", "inner.1"]
    assert {op.kind for op in inspection.with_role(Role.UNSUPPORTED)} == {"cumprod", "sort"}
    assert not inspection.converts


class Recurrent(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.first, self.states, self.head = nn.Linear(6, 8), kind(8, 8, batch_first=True), nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.states(self.first(x).relu())[0][:, -1])


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_recurrent_layer_is_the_reason_and_not_the_size_of_its_first_states(kind):
    with pytest.raises(
        CaptureError, match=rf"no rule for the op {kind.__name__.lower()}.*'states'.*recurrent"
    ) as caught:
        iso.capture(Recurrent(kind).eval(), torch.randn(2, 5, 6))
    assert "\n" not in str(caught.value)
