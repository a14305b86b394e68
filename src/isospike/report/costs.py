"""What a network costs by site and by op, and what the figures take for granted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from isospike.report.table import Column, Table
from isospike.report.units import energy_unit

COUNTS = {
    "spikes": Column("spikes", "Spikes", "/image", 0),
    "packets": Column("packets", "Packets", "/image", 0),
    "synops": Column("synops", "Synops", "/image", 0),
    "synops_by_rate": Column("synops_by_rate", "Synops by mean rate", "/image", 0),
    "macs": Column("macs", "MACs", "/image", 0),
    "neuron_updates": Column("neuron_updates", "Neuron updates", "/image", 0),
    "weight_bytes": Column("weight_bytes", "Weights", "bytes", 0),
    "membrane_bytes": Column("membrane_bytes", "Membranes", "bytes", 0),
}
"""Counts in the order of their columns."""
NAMES = {"sites": ("site", "Site", "Costs by site"), "ops": ("op", "Op", "Costs by op")}


def cost_tables(costs: Mapping[str, Any]) -> tuple[Table, ...]:
    """The tables of what is there: totals first, then sites, ops and the parts of the energy."""
    rows = (
        [_counts("total", "", "Part", "Totals", [{"": "whole network", **costs["total"]}])] if "total" in costs else []
    )
    for name, (key, title, heading) in NAMES.items():
        if costs.get(name):
            rows.append(_counts(name, key, title, heading, costs[name]))
    parts = costs.get("energy_pj") or {}
    return (*rows, *([_energies(parts)] if parts else []))


def assumption_table(costs: Mapping[str, Any]) -> Table | None:
    """The figures of every energy model and where they are from; nothing where no model is described."""
    models = costs.get("energy_models") or []
    rows = tuple(
        (model.get("name"), figure, value, model.get("source"))
        for model in models
        for figure, value in (model.get("figures") or {"": None}).items()
    )
    columns = (
        Column("energy_model", "Energy model"),
        Column("figure", "Figure"),
        Column("value", "Value"),
        Column("source", "Source", long=True),
    )
    return Table("assumptions", "What the energies assume", columns, rows) if rows else None


def not_counted(costs: Mapping[str, Any]) -> tuple[str, ...]:
    """What no figure includes, in words."""
    return tuple(_words(entry) for entry in costs.get("not_counted") or ())


def _counts(name: str, key: str, title: str, heading: str, entries: Iterable[Mapping[str, Any]]) -> Table:
    found = list(entries)
    known = [column for count, column in COUNTS.items() if any(count in entry for entry in found)]
    columns = (Column(key or "part", title), *known)
    rows = tuple((entry.get(key), *(entry.get(column.key) for column in known)) for entry in found)
    return Table(f"costs-{name}", heading, columns, rows)


def _energies(parts: Mapping[str, Mapping[str, Any]]) -> Table:
    unit = energy_unit(value for found in parts.values() for value in found.values())
    rows = tuple((model, part, value) for model, found in parts.items() for part, value in found.items())
    columns = (
        Column("energy_model", "Energy model"),
        Column("part", "Part"),
        Column("energy_pj", "Energy", f"{unit.name}/image", 2, factor=unit.factor),
    )
    return Table("costs-energy", "Energy by part", columns, rows)


def _words(entry: Any) -> str:
    if isinstance(entry, Mapping):
        return ": ".join(str(value) for value in entry.values())
    return str(entry)
