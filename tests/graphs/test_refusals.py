"""Refusals stay short: ops by cause, counted, three of them named; no advice that would fail."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import isospike as iso
from isospike.errors import ConversionError
from isospike.graphs.op import Op
from isospike.graphs.refusals import CAUSES, SHOWN, listed
from isospike.ops import Role

X = torch.randn(2, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


def refusal(*layers: nn.Module, **options: str) -> str:
    model = nn.Sequential(*layers).double().eval()
    with pytest.raises(ConversionError) as caught:
        iso.convert(model, iso.methods.Maximum(), data=[X], **options)
    return str(caught.value)


class Sorted(nn.Module):
    def forward(self, x):
        return x.sort(1)[0]


def test_hundreds_of_ops_are_one_short_line():
    blocks = [nn.Sequential(nn.Linear(4, 4), nn.GELU()) for _ in range(150)]
    message = refusal(*blocks, nn.ReLU())
    assert "\n" not in message
    assert len(message) < 300
    assert "150 analogue ops: 150 gelu (the first: 0.1, 1.1, 2.1)" in message
    assert message.endswith("pass analogue='allow' (--analogue allow)")


@pytest.mark.parametrize("count", [1, SHOWN, SHOWN + 1])
def test_a_few_are_all_named(count):
    ops = [Op(f"act{i}", "gelu", Role.ANALOGUE, "", f"net.py:{i}", (4,)) for i in range(count)]
    text = listed(ops)
    assert all((f"act{i}" in text) == (i < SHOWN) for i in range(count))
    assert all((f"net.py:{i}" in text) == (i < SHOWN) for i in range(count))


def test_more_causes_than_anybody_reads_are_counted():
    ops = [Op(f"op{i}", f"kind{i}", Role.UNSUPPORTED, "", "", (4,)) for i in range(CAUSES + 4)]
    assert listed(ops).endswith("and 4 ops of 4 more causes")


def test_allowing_islands_is_no_advice_where_it_is_not_enough():
    without_sites = refusal(nn.Linear(4, 4), nn.GELU(), nn.Linear(4, 4), sites="rectifiers")
    assert "analogue='allow'" not in without_sites
    assert without_sites.endswith("so nothing would spike; put nn.ReLU in the place of gelu and train again")
    unsupported = refusal(nn.Linear(4, 4), nn.ReLU(), nn.GELU(), Sorted())
    assert "analogue='allow'" not in unsupported
    assert "once the rest is mended" in unsupported
    assert "sort" in refusal(nn.Linear(4, 4), nn.ReLU(), nn.GELU(), Sorted(), analogue="allow")
    assert "analogue='allow'" in refusal(nn.Linear(4, 4), nn.ReLU(), nn.GELU())
