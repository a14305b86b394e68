"""A chart as plain data: described once, drawn for the page and for a paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from isospike.tables import csv_text

LONGEST = 22
"""Letters of a category that are shown at an axis."""


class Mark(StrEnum):
    """How the values of a series are drawn."""

    LINE = "line"
    """Points joined by straight lines; a missing value interrupts the line."""
    POINTS = "points"
    BAR = "bar"
    """Bars at categories; the bars of several series stand on each other."""


@dataclass(frozen=True)
class Style:
    """How a series looks; colours and symbols are names in `isospike.report.palette`."""

    colour: str
    dash: str = "solid"
    symbol: str = ""
    """The marker; empty for none."""
    hollow: bool = False
    strong: bool = True
    """Whether it is in the foreground; the others are thin and pale."""
    size: float = 6
    """Of the marker, in pixels."""


@dataclass(frozen=True)
class Series:
    """Values of one kind."""

    name: str
    mark: Mark
    x: tuple[float | str, ...]
    """Numbers, or names of categories."""
    y: tuple[float | None, ...]
    """Numbers in the unit of the axis; ``None`` is missing."""
    style: Style
    hints: tuple[str, ...] = ()
    """What the page shows for each point, lines separated by a newline; nothing where empty."""
    sizes: tuple[float, ...] = ()
    """Size of every marker in pixels, where they differ."""
    spans: tuple[tuple[float, float], ...] = ()
    """Lower and upper end of every value, drawn as whiskers."""
    ties: tuple[float, ...] = ()
    """Places on the x axis that a thin line leads to from every point."""


@dataclass(frozen=True)
class Axis:
    """One direction of a chart."""

    title: str
    """With its unit."""
    log: bool = False
    ticks: tuple[tuple[float, str], ...] = ()
    """Places and their labels; chosen by the renderer when empty."""
    separators: tuple[float, ...] = ()
    """Places of thin lines across the chart."""
    categories: tuple[str, ...] = ()
    """All categories in order, where values are names."""
    limits: tuple[float, float] | None = None
    """First and last value shown; chosen by the renderer when missing."""
    focus: tuple[float, float] | None = None
    """A part worth a look of its own."""


@dataclass(frozen=True)
class Chart:
    """What is drawn against what."""

    name: str
    """Of its files and its place in the page."""
    title: str
    x: Axis
    y: Axis
    series: tuple[Series, ...]
    note: str = ""
    """What to know to read it."""
    height: int = 420
    """In pixels of the page."""


FEWEST, MOST = 4, 9
"""Ticks of an axis, where it is not a matter of taste."""


def log_ticks(low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Ticks of a logarithmic axis between its limits.

    The coarsest of these that has at least four: every second or further power of ten; 1, 2 and 5 times powers of ten;
    more digits; and for a short axis, where powers are no help, equal distances.
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    every = max(1, math.ceil((last - first + 1) / MOST))
    choices = [[10.0**power for power in range(first, last + 1, every)]]
    for digits in ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 7)):
        choices.append([digit * 10.0**power for power in range(first, last + 1) for digit in digits])
    step = _round_step((high - low) / FEWEST)
    choices.append([step * index for index in range(math.ceil(low / step), math.floor(high / step) + 1)])
    inside = [[place for place in places if low <= place <= high] for places in choices]
    chosen = next((places for places in inside if len(places) >= FEWEST), inside[-1])
    return tuple((place, f"{place:.6g}") for place in chosen)


def _round_step(step: float) -> float:
    """The largest of 1, 2 and 5 times a power of ten that is not above it."""
    power = 10.0 ** math.floor(math.log10(step))
    return max(digit * power for digit in (1, 2, 5) if digit * power <= max(step, power))


def step_ticks(steps: Sequence[int], most: int = 9) -> tuple[tuple[float, str], ...]:
    """Ticks at the numbers of steps that occur, at powers of two where these are many."""
    found = sorted(set(steps))
    if len(found) > most:
        found = [2**power for power in range(found[0].bit_length() - 1, found[-1].bit_length() + 1)]
    return tuple((float(t), str(t)) for t in found)


def shortened(names: Sequence[str]) -> tuple[str, ...]:
    """Long names without their beginning: modules of one network differ at the end."""
    return tuple(name if len(name) <= LONGEST else f"…{name[1 - LONGEST :]}" for name in names)


def chart_csv(chart: Chart) -> str:
    """The values of a chart as CSV: series, x, y."""
    rows = [
        (series.name, x, y) for series in chart.series for x, y in zip(series.x, series.y, strict=True) if y is not None
    ]
    return csv_text(["series", chart.x.title, chart.y.title], rows)
