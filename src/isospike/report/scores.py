"""The score against the number of steps, one line per method."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from isospike.comparison.tables import ranked_by
from isospike.report.chart import Axis, Chart, Mark, Series, Style, step_ticks
from isospike.report.headlines import (
    Cell,
    best_cell,
    cheapest_near,
    goodness,
    reference_value,
    scored,
    value_of,
)
from isospike.report.palette import method_styles
from isospike.tasks import read_interval

FOREGROUND = 6
"""Methods drawn strong when there are more of them."""
FOCUS = 5.0
"""How much worse than the reference the closer look shows, in the unit of the score: points of a share."""
MARGIN = 1.5
"""How much better than the reference it shows."""


def near_reference(comparison: Mapping[str, Any]) -> tuple[float, float] | None:
    """The figures around the ANN's that are worth a closer look, in their unit."""
    measure, value = ranked_by(comparison), reference_value(comparison)
    if value is None:
        return None
    middle = measure.factor * value
    low, high = (FOCUS, MARGIN) if measure.rising else (MARGIN, FOCUS)
    least = -math.inf if measure.least is None else measure.factor * measure.least - 0.5
    most = math.inf if measure.most is None else measure.factor * measure.most + 0.5
    return max(middle - low, least), min(middle + high, most)


def cells_by_label(comparison: Mapping[str, Any]) -> dict[str, list[Cell]]:
    """The cells of every method, by rising steps."""
    found: dict[str, list[Cell]] = {}
    for cell in comparison["cells"]:
        found.setdefault(cell["label"], []).append(cell)
    return {label: sorted(cells, key=lambda cell: cell["steps"]) for label, cells in found.items()}


def styles_of(comparison: Mapping[str, Any]) -> dict[str, Style]:
    """The look of every method; the best, and the best of the Pareto front, are in the foreground.

    A front runs down to the cheapest network, which is hardly better than chance; its best are what a reader looks for.
    """
    styles = method_styles(cell["label"] for cell in comparison["cells"])
    if len(styles) <= FOREGROUND:
        return styles
    best, front = ranked(comparison), {label for label, _ in comparison["front"]}
    headlines = [cell["label"] for cell in (best_cell(comparison), cheapest_near(comparison)) if cell is not None]
    of_front = [label for label in best if label in front]
    strong = list(dict.fromkeys([*headlines, *of_front, *best]))[:FOREGROUND]
    return {label: replace(style, strong=label in strong) for label, style in styles.items()}


def ranked(comparison: Mapping[str, Any]) -> list[str]:
    """The methods, the best first; of two equally good the one that needs fewer steps."""

    def best(cells: list[Cell]) -> tuple[float, int]:
        return min((-goodness(comparison, cell), cell["steps"]) for cell in cells)

    found = cells_by_label(comparison)
    return sorted(found, key=lambda label: best(found[label]))


def score_chart(comparison: Mapping[str, Any]) -> Chart | None:
    """The chart; nothing where no cell was measured."""
    styles, cells = styles_of(comparison), cells_by_label(comparison)
    lines = [_line(comparison, label, cells[label], styles[label]) for label in ranked(comparison)]
    lines = [line for line in lines if line.x]
    if not lines:
        return None
    steps = [int(t) for line in lines for t in line.x]
    measure = ranked_by(comparison)
    return Chart(
        name="score",
        title=f"{measure.name} against the number of time steps",
        x=Axis("Time steps T", log=True, ticks=step_ticks(steps), limits=_around(steps)),
        y=Axis(measure.titled, focus=near_reference(comparison)),
        series=(*_reference(comparison, steps), *lines),
        note=(
            f"{comparison['images']:,} test images; whiskers of the strong lines: {measure.interval}s; pointing at a "
            "point shows its own. Best method first. A method whose network has one number of steps is one point."
        ),
        height=460,
    )


def _line(comparison: Mapping[str, Any], label: str, cells: list[Cell], style: Style) -> Series:
    known = [(cell, value) for cell in cells if (value := value_of(comparison, cell)) is not None]
    factor = ranked_by(comparison).factor
    return Series(
        name=label,
        mark=Mark.LINE,
        x=tuple(cell["steps"] for cell, _ in known),
        y=tuple(factor * value for _, value in known),
        style=style,
        hints=tuple(f"{label}\nT = {cell['steps']}: {scored(comparison, cell)}" for cell, _ in known),
        spans=_spans(factor, [cell for cell, _ in known]) if style.strong else (),
    )


def _spans(factor: float, cells: list[Cell]) -> tuple[tuple[float, float], ...]:
    """The intervals of all cells; none where those of some are not known."""
    ends = [read_interval(cell["interval"]) for cell in cells]
    known = [(factor * one[0], factor * one[1]) for one in ends if one is not None]
    return tuple(known) if len(known) == len(cells) else ()


def _reference(comparison: Mapping[str, Any], steps: list[int]) -> list[Series]:
    found = reference_value(comparison)
    if found is None:
        return []
    ends, hint = _around(steps), f"ANN: {scored(comparison, comparison['ann'])}"
    value = ranked_by(comparison).factor * found
    return [Series("ANN", Mark.LINE, ends, (value, value), Style("reference", dash="dash"), hints=(hint, hint))]


def _around(steps: list[int]) -> tuple[float, float]:
    return 0.85 * min(steps), 1.18 * max(steps)
