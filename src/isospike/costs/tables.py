"""Operations as tables: one row per site, op or whole network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isospike.tables import Column, Table
from isospike.units import energy_unit

COUNTS = (
    Column("spikes", "Spikes", "/image", 0),
    Column("synops", "Synops", "/image", 0),
    Column("synops_by_rate", "Synops by mean rate", "/image", 0),
    Column("macs", "MACs", "/image", 0),
    Column("neuron_updates", "Neuron updates", "/image", 0),
    Column("packets", "Packets", "/image", 0),
    Column("weight_bytes", "Weights read", "bytes/image", 0),
    Column("membrane_bytes", "Membranes", "bytes/image", 0),
)
"""Counts in the order of their columns."""


def amounts_table(
    name: str, first: Column, title: str, *, amounts: Mapping[str, Mapping[str, Any]], note: str = ""
) -> Table:
    """One row for each name: the counts that are known of one at least."""
    known = [column for column in COUNTS if any(column.key in found for found in amounts.values())]
    rows = tuple((key, *(found.get(column.key) for column in known)) for key, found in amounts.items())
    return Table(name, title, (first, *known), rows, note)


def energy_table(parts: Mapping[str, Mapping[str, Any]]) -> Table | None:
    """The parts of the energy of one image by energy model, from picojoules; nothing where none is known."""
    unit = energy_unit(value for found in parts.values() for value in found.values())
    rows = tuple((model, part, value) for model, found in parts.items() for part, value in found.items())
    columns = (
        Column("energy_model", "Energy model"),
        Column("part", "Part"),
        Column("energy_pj", "Energy", f"{unit.name}/image", 2, factor=unit.factor),
    )
    return Table("costs-energy", "Energy by part", columns, rows) if rows else None


def memory_table(memory: Mapping[str, Any]) -> Table:
    """Bytes of the tensors of a network, and of those for every number of steps that it was calibrated for."""
    sets = {f"set for T = {steps}": count for steps, count in memory["set_bytes"].items()}
    rows = tuple({"network": memory["network_bytes"], **sets, "all": memory["total_bytes"]}.items())
    columns = (Column("part", "Part"), Column("bytes", "Memory", "bytes", 0))
    return Table("costs-memory", "Memory of its tensors", columns, rows, "Membranes of a run are no part of it.")
