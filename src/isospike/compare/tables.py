"""Cells of a comparison as tables: all of them, the scores by number of steps, a front."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from isospike.compare.cell import Cell
from isospike.intervals import NAME, shown_interval
from isospike.tables import Column, Table
from isospike.units import energy_unit, percent

METRICS = {"top1": "Top-1 accuracy", "agreement": "Same class as the ANN"}
"""What the shares are called."""
ENERGY_KEYS = ("energy_pj", "quantised_energy_pj")


def cell_table(compared: Mapping[str, Any]) -> Table:
    """One row per method and number of steps, in the order in which they were measured.

    Args:
        compared: the object of ``isospike compare --json``.
    """
    model, cells = compared["energy_model"], compared["cells"]
    unit = energy_unit(cell[key].get(model) for cell in cells for key in ENERGY_KEYS)
    front = {(label, steps) for label, steps in compared["front"]}
    columns = (
        Column("label", "Method"),
        Column("steps", "T", "", 0),
        Column("top1", "Top-1", "%", 2, factor=100),
        Column("interval", "95 % interval", "%", 1),
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
    rows = tuple(_row(compared, cell, columns, front) for cell in cells)
    title = f"{METRICS[compared['metric']]}, costs and times of every cell"
    return Table("cells", title, columns, rows, _note(compared))


def _note(compared: Mapping[str, Any]) -> str:
    return (
        f"Shares of {compared['images']:,} test images; the interval is the {NAME} of "
        f"{METRICS[compared['metric']].lower()}. Costs are means per image, counted on {compared['account_images']:,} "
        f"of them; energies by the model {compared['energy_model']}. A dash: not known."
    )


def _row(
    compared: Mapping[str, Any], cell: Mapping[str, Any], columns: tuple[Column, ...], front: set[tuple[str, int]]
) -> tuple[Any, ...]:
    values = {
        **cell,
        **{key: cell[key].get(compared["energy_model"]) for key in ENERGY_KEYS},
        "interval": shown_interval(cell[compared["metric"]], compared["images"]),
        "front": "front" if (cell["label"], cell["steps"]) in front else None,
    }
    return tuple(values[column.key] for column in columns)


def method_table(compared: Mapping[str, Any]) -> Table:
    """What every name in a comparison stands for: one row per name and options, which may depend on T."""
    columns = (
        Column("label", "Name here"),
        Column("steps", "T"),
        Column("method", "Method"),
        Column("options", "Options", long=True),
        Column("papers", "Papers"),
    )
    found: dict[tuple[str, ...], list[int]] = {}
    for cell in compared["cells"]:
        options = ", ".join(f"{name} {_short(value)}" for name, value in cell["options"].items())
        found.setdefault((cell["label"], cell["method"], options, ", ".join(cell["papers"])), []).append(cell["steps"])
    rows = tuple((label, ", ".join(map(str, sorted(steps))), *rest) for (label, *rest), steps in found.items())
    return Table("methods", "Methods and their options", columns, rows)


def failed_table(compared: Mapping[str, Any]) -> Table | None:
    """What could not be converted or measured, and why; nothing where all could."""
    if not compared["failed"]:
        return None
    columns = (Column("label", "Method"), Column("steps", "T", "", 0), Column("error", "Reason", long=True))
    rows = tuple((entry["label"], entry["steps"], entry["error"]) for entry in compared["failed"])
    return Table("failed", "Failed", columns, rows)


def steps_table(title: str, cells: Sequence[Cell], *, metric: str, ann: float, images: int) -> Table:
    """The scores: a row for each method, a column for each number of steps, the ANN above where it has labels."""
    steps = sorted({cell.steps for cell in cells})
    found: dict[str, dict[int, float]] = {}
    for cell in sorted(cells, key=lambda cell: cell.label):
        found.setdefault(cell.label, {})[cell.steps] = cell.accuracy
    what = "top-1 %" if metric == "top1" else "same class as ANN %"
    columns = (Column("label", what), *(Column(f"T={at}", f"T={at}", "", 2, factor=100) for at in steps))
    rows: list[tuple[Any, ...]] = [(label, *map(scores.get, steps)) for label, scores in found.items()]
    if metric == "top1":
        rows.insert(0, ("ANN", ann, *[None] * (len(steps) - 1)))
    widest = max((ann, *(cell.accuracy for cell in cells)), key=lambda share: -abs(share - 0.5))
    beside = f"{NAME} of {percent(widest)}, the widest: {shown_interval(widest, images)} %"
    return Table("scores", title, columns, tuple(rows), f"{beside} ({images:,} images)")


def front_table(cells: Iterable[tuple[Cell, int]], energy_model: str) -> Table:
    """The cells of a front, cheapest first, each with the number of images it was measured on."""
    chosen = list(cells)
    unit = energy_unit(cell.energy_pj[energy_model] for cell, _ in chosen)
    columns = (
        Column("label", "method"),
        Column("steps", "T", "", 0),
        Column("accuracy", "%", "", 2, factor=100),
        Column("interval", "95 % interval", "", 1),
        Column("energy_pj", f"{unit.name}/image", f"({energy_model})", 2, factor=unit.factor),
        Column("spikes", "spikes/image", "", 0),
        Column("images", "images", "", 0),
    )
    rows = tuple(
        (
            cell.label + bits_of_sites(cell),
            cell.steps,
            cell.accuracy,
            shown_interval(cell.accuracy, images),
            cell.energy_pj[energy_model],
            cell.spikes,
            images,
        )
        for cell, images in chosen
    )
    return Table("front", "Front", columns, rows)


def bits_of_sites(cell: Cell) -> str:
    """The bits behind a blank, where every site has its own; else nothing."""
    bits = cell.options.get("bits")
    return f" {','.join(map(str, bits))}" if isinstance(bits, list) else ""


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
