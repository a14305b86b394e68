"""Synaptic operations are those of a count that follows every event through every synapse."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from synapse_loops import events_of, synapses_one_by_one

import isospike as iso
from isospike.costs import INPUT
from networks import ALL
from random_networks import random_snn
from short_methods import METHODS, chosen

STEPS = 4


def counted(costs: iso.costs.Costs) -> dict[tuple[str, str], int]:
    """By source and op, over all images."""
    return {(entry.site, entry.op): entry.synops for entry in costs.entries if entry.synops}


def check(snn: iso.SNN, x, steps: int | None) -> None:
    (costs,) = iso.account(snn, [x], steps=steps).values()
    expected = synapses_one_by_one(snn, events_of(snn, x, steps))
    assert expected
    macs = {(entry.site, entry.op): entry.macs // len(x) for entry in costs.entries if entry.site == INPUT}
    assert {**counted(costs), **macs} == expected


@given(st.data())
@settings(deadline=None, max_examples=6, derandomize=True, suppress_health_check=list(HealthCheck))
def test_random_networks(data):
    graph, snn, x = random_snn(lambda options: data.draw(st.sampled_from(list(options))))
    check(snn, x[:2], None)
    method = data.draw(st.sampled_from(("maximum", "signed", "burst", "winner")))
    made = {
        "maximum": iso.methods.Maximum(),
        "signed": iso.methods.SNM(),
        "burst": iso.methods.Burst(),
        "winner": iso.methods.Maximum(pooling="winner"),
    }[method]
    check(iso.convert(graph, made, data=[x]), x[:2], STEPS)


GEOMETRIES = (
    *("grouped", "reused_relu", "average_pools", "max_pools", "concat", "transposed", "one_dimensional"),
    *("three_dimensional", "tuple_output"),
)


@pytest.mark.parametrize("method", ["maximum", "bit-coded", "pascal", "calibration-advanced"])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_geometries(name, method, converted):
    """Dilation, groups, transposition, windows cut by borders, one and three dimensions; neurons behind pools."""
    snn = converted(name, METHODS[method])
    check(chosen(snn, STEPS), 3 * ALL[name].inputs(2), None if snn.times.steps else STEPS)
