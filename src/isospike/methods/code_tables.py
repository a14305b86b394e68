"""Tables from code to code: which methods have codes, and how many entries a table has."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from isospike.errors import ConversionError
from isospike.graphs.graph import Graph
from isospike.methods.method import Method, methods
from isospike.neurons import Emitter, Kind
from isospike.sites import CodeTables


def check_tables(tabled: CodeTables, method: Method) -> None:
    """Refuse a streaming method where functions are to be tables: its neurons have no code before the last step.

    Raises:
        ConversionError: it is one; methods that emit codes are named.
    """
    if tabled.sites and not _emits(method):
        able = ", ".join(name for name, kind in methods.items() if _emits(kind()))
        raise ConversionError(
            f"{method.name()} streams, and its neurons have no code of which {' and '.join(tabled.sites)} could be a "
            f"table; leave tables out, or choose one of {able}"
        )


def _emits(method: Method) -> bool:
    return all(method.parts_for(steps).neurons.placed.kind is Kind.EMITTING for steps in method.horizons)


def table_entries(graph: Graph, sites: Iterable[str]) -> dict[str, int]:
    """How many codes there are at sites in front of tables; the largest number where it differs by channel.

    Args:
        graph: with neurons.
        sites: in front of functions, whose currents are cut off below.
    """
    return {site: _codes(graph.get_submodule(site)) for site in sites}


def _codes(neuron: object) -> int:
    assert isinstance(neuron, Emitter)
    lowest = neuron.codes(torch.full_like(neuron.unit, -torch.inf))
    return neuron.levels - int(lowest.min()) + 1
