"""Watching a run shows the trains whose spikes it counts, in every executor that has trains."""

from __future__ import annotations

import pytest
import torch

import isospike as iso
from networks import ALL
from short_methods import EMITTING, FEW, METHODS, STEPWISE, STREAMING, chosen, pairs

STEPS = 12


def trains(snn, x, executor, steps, budget):
    """What every neuron layer puts out, all steps one after the other, and the run."""
    seen: dict[str, list[torch.Tensor]] = {}
    watch = lambda name, part: seen.setdefault(name, []).append(part.clone())  # noqa: E731
    run = iso.simulate(
        snn, x, steps=steps, executor=executor, memory_budget=budget, record=iso.Record(outputs=False, watch=watch)
    )
    return {name: torch.cat(parts) for name, parts in seen.items()}, run


@pytest.mark.parametrize(("name", "method"), pairs(FEW, METHODS))
def test_watched_trains_have_the_counted_packets(name, method, converted):
    snn, x = chosen(converted(name, METHODS[method]), STEPS), 3 * ALL[name].inputs(2)
    steps, executor = (STEPS, "layer") if method in STREAMING else (None, "stepped")
    seen, run = trains(snn, x, executor, steps, 1 if method in STEPWISE else 2**26)
    assert set(snn.sites) <= seen.keys()
    for site, packets in run.packets.items():
        assert torch.equal((seen[site] != 0).flatten(2).sum(2), packets)


@pytest.mark.parametrize("method", sorted(EMITTING))
def test_a_collapsed_run_has_no_trains(method, converted):
    snn, x = converted("reused_relu", METHODS[method]), ALL["reused_relu"].inputs(2)
    with pytest.raises(iso.errors.SimulationError, match="no trains to watch"):
        trains(snn, x, "collapsed", None, 2**26)
