"""Registries that a test may add to, and the way through the house that every extension takes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

import isospike as iso
from isospike.costs import energy_models
from isospike.data.images import sources
from isospike.methods import Method, methods
from isospike.neurons import streaming
from isospike.scales import rules
from isospike.targets import exporters
from networks import NETWORKS

NETWORK, STEPS = "reused_relu", 4


@pytest.fixture(autouse=True)
def _own_registries(monkeypatch):
    """What a test registers is gone after it."""
    for registry in (methods, streaming, rules, sources, energy_models, exporters):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


@pytest.fixture
def journey(captured, tmp_path) -> Callable[..., iso.SNN]:
    """Converts with a method, runs, saves, loads, accounts and compares; gives the network."""

    def go(method: Method, **accounted) -> iso.SNN:
        graph, x = captured(NETWORK), NETWORKS[NETWORK].inputs(8)
        snn = iso.convert(graph, method, data=[x])
        run = iso.simulate(snn, x, steps=STEPS)
        assert sum(counts.sum() for counts in run.spikes.values()) > 0
        snn.save(tmp_path / "net.snn")
        loaded = iso.load(tmp_path / "net.snn")
        assert loaded.provenance == snn.provenance
        assert torch.equal(iso.simulate(loaded, x, steps=STEPS).output, run.output)
        assert iso.account(loaded, [x], steps=STEPS)[STEPS].total().synops > 0
        compared = iso.compare(graph, [x], [x.flip(0) / 2], methods={"mine": method}, steps=[STEPS], **accounted)
        assert [cell.label for cell in compared.cells] == ["mine"], compared.failed
        return snn

    return go
