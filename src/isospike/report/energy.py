"""The score against energy, with the Pareto front and its honest competitors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from isospike.comparison.tables import ranked_by
from isospike.report.chart import Axis, Chart, Mark, Series, Style, log_ticks
from isospike.report.headlines import Cell, energy_of, reference_value, scored, value_of
from isospike.report.scores import cells_by_label, near_reference, ranked, styles_of
from isospike.units import energy, energy_unit

COMPETITORS = "Quantised ANN of as many levels"
NOTE = (
    "Ringed: on the Pareto front, nothing measured is both better and cheaper; networks that answer no better "
    "than chance are not on it. Grey diamonds: the quantised ANN "
    "that has as many levels as the network of the front it is tied to, the competitor that a spiking network has to "
    "beat. It stands at that network's score, which it reaches by construction where the method accumulates before "
    "it emits; elsewhere its own was not measured."
)


def front_cells(comparison: Mapping[str, Any]) -> list[Cell]:
    """The members of the Pareto front, cheapest first."""
    chosen = {(label, steps) for label, steps in comparison["front"]}
    cells = [cell for cell in comparison["cells"] if (cell["label"], cell["steps"]) in chosen]
    known = [cell for cell in cells if _place(comparison, cell) is not None]
    return sorted(known, key=lambda cell: energy_of(comparison, cell) or 0)


def pareto_chart(comparison: Mapping[str, Any]) -> Chart | None:
    """The chart; nothing where no cell has both numbers."""
    cells = cells_by_label(comparison)
    known = [_place(comparison, cell) for found in cells.values() for cell in found]
    values = [place[0] for place in known if place is not None]
    if not values:
        return None
    unit, measure = energy_unit(values), ranked_by(comparison)
    methods = [_points(comparison, label, cells[label], unit.factor) for label in ranked(comparison)]
    context = (_ann, _competitors, _front)
    series = [one for make in context for one in make(comparison, unit.factor)] + [one for one in methods if one.x]
    drawn = [x for one in series for x in one.x if not isinstance(x, str)]
    limits = 0.8 * min(drawn), 1.25 * max(drawn)
    return Chart(
        name="pareto",
        title=f"{measure.name} against energy per image",
        x=Axis(
            f"Energy per image ({unit.name}, {comparison['energy_model']})",
            log=True,
            ticks=log_ticks(*limits),
            limits=limits,
        ),
        y=Axis(measure.titled, focus=near_reference(comparison)),
        series=tuple(series),
        note=f"{comparison['images']:,} test images. {NOTE}" + _left_out(known.count(None), len(known)),
        height=480,
    )


def _left_out(lacking: int, count: int) -> str:
    return f" {lacking} of {count} cells lack a number and are not drawn." if lacking else ""


def _place(comparison: Mapping[str, Any], cell: Cell) -> tuple[float, float] | None:
    """Energy and figure, in its unit, of a cell that has both."""
    cost, value = energy_of(comparison, cell), value_of(comparison, cell)
    return None if cost is None or value is None else (cost, ranked_by(comparison).factor * value)


def _points(comparison: Mapping[str, Any], label: str, cells: list[Cell], factor: float) -> Series:
    known = [(cell, place) for cell in cells if (place := _place(comparison, cell)) is not None]
    style = styles_of(comparison)[label]
    return Series(
        name=label,
        mark=Mark.POINTS,
        x=tuple(factor * cost for _, (cost, _) in known),
        y=tuple(value for _, (_, value) in known),
        style=replace(style, size=8 if style.strong else 6),
        hints=tuple(
            f"{label}\nT = {cell['steps']}: {scored(comparison, cell)}, {energy(cost)}" for cell, (cost, _) in known
        ),
    )


def _front(comparison: Mapping[str, Any], factor: float) -> list[Series]:
    places = [_place(comparison, cell) for cell in front_cells(comparison)]
    x = tuple(factor * place[0] for place in places if place is not None)
    y = tuple(place[1] for place in places if place is not None)
    style = Style("reference", symbol="circle", hollow=True, size=14, strong=False)
    return [Series("Pareto front", Mark.LINE, x, y, style)] if x else []


def _competitors(comparison: Mapping[str, Any], factor: float) -> list[Series]:
    """The quantised ANNs beside the front, each tied to its network."""
    found = [
        (cell, place, other)
        for cell in front_cells(comparison)
        if (place := _place(comparison, cell)) is not None
        and (other := energy_of(comparison, cell, "quantised_energy_pj")) is not None
    ]
    series = Series(
        name=COMPETITORS,
        mark=Mark.POINTS,
        x=tuple(factor * other for _, _, other in found),
        y=tuple(value for _, (_, value), _ in found),
        style=Style("competitor", symbol="diamond", hollow=True, size=9),
        hints=tuple(
            f"Quantised ANN beside {cell['label']}, T = {cell['steps']}\n{energy(other)}; the spiking network "
            f"{energy(cost)}, {cost / other:.2g} times as much"
            for cell, (cost, _), other in found
        ),
        ties=tuple(factor * cost for _, (cost, _), _ in found),
    )
    return [series] if found else []


def _ann(comparison: Mapping[str, Any], factor: float) -> list[Series]:
    cost, value = energy_of(comparison, comparison["ann"]), reference_value(comparison)
    if cost is None or value is None:
        return []
    hint = f"ANN: {scored(comparison, comparison['ann'])}, {energy(cost)}"
    style = Style("reference", symbol="star", size=13)
    return [Series("ANN", Mark.POINTS, (factor * cost,), (ranked_by(comparison).factor * value,), style, hints=(hint,))]
