"""Cells of a comparison as tables: all of them, the scores by number of steps, a front."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from isospike.comparison.cell import Cell, Failure
from isospike.results import columns_of
from isospike.tables import Column, Table
from isospike.tasks import Interval, Measure, read_interval
from isospike.units import energy_unit

ENERGY_KEYS = ("energy_pj", "quantised_energy_pj")


def cell_table(compared: Mapping[str, Any]) -> Table:
    """One row per method and number of steps, in the order in which they were measured.

    Args:
        compared: the object of ``isospike compare --json``.
    """
    model, cells = compared["energy_model"], compared["cells"]
    unit = energy_unit(cell[key].get(model) for cell in cells for key in ENERGY_KEYS)
    front = {(label, steps) for label, steps in compared["front"]}
    score, own = (Measure.made_of(compared["measures"][name]) for name in ("score", "agreement"))
    priced = columns_of(
        Cell,
        score=score.column("score", _capital(score.short), score.unit),
        interval=Column("interval", "95 % interval", "%" if score.unit == "%" else score.unit, 1),
        agreement=own.column("agreement", "Agreement", f"{own.unit} with ANN".strip()),
        energy_pj=Column("energy_pj", "Energy", f"{unit.name}/image", 2, factor=unit.factor),
        quantised_energy_pj=Column("quantised_energy_pj", "Quantised ANN", f"{unit.name}/image", 2, factor=unit.factor),
    )
    place = [column.key for column in priced].index("energy_pj")
    columns = (*priced[:place], Column("front", "Front"), *priced[place:])
    rows = tuple(_row(compared, cell, columns, front) for cell in cells)
    title = f"{ranked_by(compared).name}, costs and times of every cell"
    return Table("cells", title, columns, rows, _note(compared))


def _note(compared: Mapping[str, Any]) -> str:
    measure = ranked_by(compared)
    return (
        f"On {compared['images']:,} test images; the interval is the {measure.interval} of {measure.in_text}. Costs "
        f"are means per image, counted on {compared['account_images']:,} of them; energies by the model "
        f"{compared['energy_model']}. A dash: not known."
    )


def _row(
    compared: Mapping[str, Any], cell: Mapping[str, Any], columns: tuple[Column, ...], front: set[tuple[str, int]]
) -> tuple[Any, ...]:
    values = {
        **cell,
        **{key: cell[key].get(compared["energy_model"]) for key in ENERGY_KEYS},
        "interval": ranked_by(compared).shown_interval(read_interval(cell["interval"])),
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
    columns = columns_of(Failure)
    rows = tuple(tuple(entry[column.key] for column in columns) for entry in compared["failed"])
    return Table("failed", "Failed", columns, rows)


def ranked_by(compared: Mapping[str, Any]) -> Measure:
    """What the networks of a comparison are ranked by."""
    return Measure.made_of(compared["measures"][compared["metric"]])


def steps_table(
    title: str, cells: Sequence[Cell], measure: Measure, *, ann: tuple[float, Interval | None] | None, images: int
) -> Table:
    """The scores: a row for each method, a column for each number of steps, the ANN above where it has a score."""
    steps = sorted({cell.steps for cell in cells})
    found: dict[str, dict[int, float]] = {}
    for cell in sorted(cells, key=lambda cell: cell.label):
        found.setdefault(cell.label, {})[cell.steps] = cell.value
    by_steps = (measure.column(f"T={at}", f"T={at}") for at in steps)
    columns = (Column("label", measure.heading), *by_steps)
    rows: list[tuple[Any, ...]] = [(label, *map(scores.get, steps)) for label, scores in found.items()]
    if ann is not None:
        rows.insert(0, ("ANN", ann[0], *[None] * (len(steps) - 1)))
    return Table("scores", title, columns, tuple(rows), _widest(cells, measure, ann=ann, images=images))


def _widest(cells: Sequence[Cell], measure: Measure, *, ann: tuple[float, Interval | None] | None, images: int) -> str:
    """The widest interval, in words."""
    known = [*([] if ann is None else [ann]), *((cell.value, cell.interval) for cell in cells)]
    spans = [(value, ends) for value, ends in known if ends is not None]
    if not spans:
        return f"{images:,} images"
    value, ends = max(spans, key=lambda one: one[1][1] - one[1][0])
    unit = f" {measure.unit}" if measure.unit else ""
    shown = f"{measure.interval} of {measure.shown(value)}, the widest: {measure.shown_interval(ends)}{unit}"
    return f"{shown} ({images:,} images)"


def front_table(cells: Iterable[tuple[Cell, int]], energy_model: str, measure: Measure) -> Table:
    """The cells of a front, cheapest first, each with the number of images it was measured on."""
    chosen = list(cells)
    unit = energy_unit(cell.energy_pj[energy_model] for cell, _ in chosen)
    columns = (
        Column("label", "method"),
        Column("steps", "T", "", 0),
        measure.column("score", measure.unit or measure.short),
        Column("interval", "95 % interval", "", 1),
        Column("energy_pj", f"{unit.name}/image", f"({energy_model})", 2, factor=unit.factor),
        Column("spikes", "spikes/image", "", 0),
        Column("images", "images", "", 0),
    )
    rows = tuple(
        (
            cell.label + bits_of_sites(cell),
            cell.steps,
            cell.value,
            measure.shown_interval(cell.interval),
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


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
