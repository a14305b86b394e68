"""All cells of a comparison as one table, and what failed as another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from isospike.report.accuracy import metric_name
from isospike.report.energy import energy_of
from isospike.report.table import Column, Table
from isospike.report.units import energy_unit


def cell_table(comparison: Mapping[str, Any]) -> Table:
    """One row per method and number of steps, in the order in which they were measured."""
    model = comparison["energy_model"]
    costs = [energy_of(comparison, cell, key) for cell in comparison["cells"] for key in ENERGY_KEYS]
    unit = energy_unit(costs)
    front = {(label, steps) for label, steps in comparison["front"]}
    columns = (
        Column("label", "Method"),
        Column("steps", "T", "", 0),
        Column("top1", "Top-1", "%", 2, factor=100),
        Column("agreement", "Agreement", "% with ANN", 2, factor=100),
        Column("front", "Front"),
        Column("energy_pj", "Energy", f"{unit.name}/image", 2, factor=unit.factor),
        Column("quantised_energy_pj", "Quantised ANN", f"{unit.name}/image", 2, factor=unit.factor),
        Column("spikes", "Spikes", "/image", 0),
        Column("packets", "Packets", "/image", 0),
        Column("synops", "Synops", "/image", 0),
        Column("macs", "MACs", "/image", 0),
        Column("neuron_updates", "Neuron updates", "/image", 0),
        Column("conversion_seconds", "Conversion", "s", 1),
        Column("seconds", "Simulation", "s", 1),
    )
    rows = tuple(_row(comparison, cell, columns, front) for cell in comparison["cells"])
    note = f"Means per image. Energies by the model {model}; a dash where a number is not known."
    return Table("cells", f"{metric_name(comparison)}, costs and times of every cell", columns, rows, note=note)


def method_table(comparison: Mapping[str, Any]) -> Table:
    """What every name in the report stands for: one row per name and options, which may depend on T."""
    columns = (
        Column("label", "Name here"),
        Column("steps", "T"),
        Column("method", "Method"),
        Column("options", "Options", long=True),
        Column("papers", "Papers"),
    )
    found: dict[tuple[str, ...], list[int]] = {}
    for cell in comparison["cells"]:
        options = ", ".join(f"{name} {_short(value)}" for name, value in cell["options"].items())
        found.setdefault((cell["label"], cell["method"], options, ", ".join(cell["papers"])), []).append(cell["steps"])
    rows = tuple((label, ", ".join(map(str, sorted(steps))), *rest) for (label, *rest), steps in found.items())
    return Table("methods", "Methods and their options", columns, rows)


def failed_table(comparison: Mapping[str, Any]) -> Table | None:
    """What could not be converted or measured, and why; nothing where all could."""
    if not comparison["failed"]:
        return None
    columns = (Column("label", "Method"), Column("steps", "T", "", 0), Column("error", "Reason", long=True))
    rows = tuple((entry["label"], entry["steps"], entry["error"]) for entry in comparison["failed"])
    return Table("failed", "Failed", columns, rows)


ENERGY_KEYS = ("energy_pj", "quantised_energy_pj")


def _row(
    comparison: Mapping[str, Any],
    cell: Mapping[str, Any],
    columns: tuple[Column, ...],
    front: set[tuple[str, int]],
) -> tuple[Any, ...]:
    values = {
        **cell,
        **{key: cell[key].get(comparison["energy_model"]) for key in ENERGY_KEYS},
        "front": "front" if (cell["label"], cell["steps"]) in front else None,
    }
    return tuple(values[column.key] for column in columns)


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
