"""Accuracy against the number of steps, one line per method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from isospike.intervals import NAME, interval
from isospike.report.chart import Axis, Chart, Mark, Series, Style, step_ticks
from isospike.report.headlines import (
    Cell,
    cheapest_near,
    metric_name,
    most_accurate,
    reference_share,
    scored,
    share_of,
)
from isospike.report.palette import method_styles
from isospike.units import percentage

FOREGROUND = 6
"""Methods drawn strong when there are more of them."""
FOCUS = 5.0
"""Points below the reference that the closer look shows."""


def near_reference(comparison: Mapping[str, Any]) -> tuple[float, float] | None:
    """The per cents around the ANN's that are worth a closer look."""
    reference = percentage(reference_share(comparison))
    return None if reference is None else (reference - FOCUS, min(reference + 1.5, 100.5))


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
    headlines = [cell["label"] for cell in (most_accurate(comparison), cheapest_near(comparison)) if cell is not None]
    of_front = [label for label in best if label in front]
    strong = list(dict.fromkeys([*headlines, *of_front, *best]))[:FOREGROUND]
    return {label: replace(style, strong=label in strong) for label, style in styles.items()}


def ranked(comparison: Mapping[str, Any]) -> list[str]:
    """The methods, the most accurate first; at equal accuracy the one that needs fewer steps."""

    def best(cells: list[Cell]) -> tuple[float, int]:
        shares = [(-share, cell["steps"]) for cell in cells if (share := share_of(comparison, cell)) is not None]
        return min(shares, default=(0.0, 0))

    found = cells_by_label(comparison)
    return sorted(found, key=lambda label: best(found[label]))


def accuracy_chart(comparison: Mapping[str, Any]) -> Chart | None:
    """The chart; nothing where no cell was measured."""
    styles, cells = styles_of(comparison), cells_by_label(comparison)
    lines = [_line(comparison, label, cells[label], styles[label]) for label in ranked(comparison)]
    lines = [line for line in lines if line.x]
    if not lines:
        return None
    steps = [int(t) for line in lines for t in line.x]
    title = metric_name(comparison)
    return Chart(
        name="accuracy",
        title=f"{title} against the number of time steps",
        x=Axis("Time steps T", log=True, ticks=step_ticks(steps), limits=_around(steps)),
        y=Axis(f"{title} (%)", focus=near_reference(comparison)),
        series=(*_reference(comparison, steps), *lines),
        note=(
            f"{comparison['images']:,} test images; whiskers of the strong lines: {NAME}s; pointing at a point shows "
            "its own. Most accurate method first. A method whose network has one number of steps is one point."
        ),
        height=460,
    )


def _line(comparison: Mapping[str, Any], label: str, cells: list[Cell], style: Style) -> Series:
    known = [(cell, share) for cell in cells if (share := share_of(comparison, cell)) is not None]
    return Series(
        name=label,
        mark=Mark.LINE,
        x=tuple(cell["steps"] for cell, _ in known),
        y=tuple(100 * share for _, share in known),
        style=style,
        hints=tuple(f"{label}\nT = {cell['steps']}: {scored(comparison, share)}" for cell, share in known),
        spans=_spans(comparison, [share for _, share in known]) if style.strong else (),
    )


def _spans(comparison: Mapping[str, Any], shares: list[float]) -> tuple[tuple[float, float], ...]:
    ends = (interval(share, comparison["images"]) for share in shares)
    return tuple((100 * low, 100 * high) for low, high in ends)


def _reference(comparison: Mapping[str, Any], steps: list[int]) -> list[Series]:
    share = reference_share(comparison)
    if share is None:
        return []
    ends, hint, value = _around(steps), f"ANN: {scored(comparison, share)}", 100 * share
    return [Series("ANN", Mark.LINE, ends, (value, value), Style("reference", dash="dash"), hints=(hint, hint))]


def _around(steps: list[int]) -> tuple[float, float]:
    return 0.85 * min(steps), 1.18 * max(steps)
