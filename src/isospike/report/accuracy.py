"""Accuracy against the number of steps, one line per method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from isospike.compare.tables import METRICS
from isospike.report.chart import Axis, Chart, Mark, Series, Style, step_ticks
from isospike.report.palette import method_styles
from isospike.tables import finite
from isospike.units import percent, percentage

FOREGROUND = 6
"""Methods drawn strong when there are more of them."""
FOCUS = 5.0
"""Points below the reference that the closer look shows."""

Cell = Mapping[str, Any]


def metric_name(comparison: Mapping[str, Any]) -> str:
    """What the accuracy of a comparison is called."""
    metric: str = comparison["metric"]
    return METRICS.get(metric, metric)


def share_of(comparison: Mapping[str, Any], cell: Cell) -> float | None:
    """The share that a comparison ranks a cell by: top-1, or agreement without labels."""
    value = cell.get(comparison["metric"])
    return float(value) if finite(value) else None


def reference_share(comparison: Mapping[str, Any]) -> float | None:
    """The same share of the ANN: it always agrees with itself."""
    if comparison["metric"] == "agreement":
        return 1.0
    return share_of(comparison, comparison["ann"])


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
    """The look of every method; the best and those on the Pareto front are in the foreground."""
    styles = method_styles(cell["label"] for cell in comparison["cells"])
    if len(styles) <= FOREGROUND:
        return styles
    front = list(dict.fromkeys(label for label, _ in comparison["front"]))
    strong = list(dict.fromkeys([*front, *ranked(comparison)]))[:FOREGROUND]
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
    reference = percentage(reference_share(comparison))
    title = metric_name(comparison)
    return Chart(
        name="accuracy",
        title=f"{title} against the number of time steps",
        x=Axis("Time steps T", log=True, ticks=step_ticks(steps), limits=_around(steps)),
        y=Axis(f"{title} (%)", focus=near_reference(comparison)),
        series=(*_reference(reference, steps), *lines),
        note="Most accurate method first. A method whose network has one number of steps of its own is one point.",
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
        hints=tuple(f"{label}\nT = {cell['steps']}: {percent(share)}" for cell, share in known),
    )


def _reference(value: float | None, steps: list[int]) -> list[Series]:
    if value is None:
        return []
    ends, hint = _around(steps), f"ANN: {value:.2f} %"
    return [Series("ANN", Mark.LINE, ends, (value, value), Style("reference", dash="dash"), hints=(hint, hint))]


def _around(steps: list[int]) -> tuple[float, float]:
    return 0.85 * min(steps), 1.18 * max(steps)
