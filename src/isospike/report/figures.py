"""Every chart as SVG and PNG for a paper, and every chart and table as CSV."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from isospike.data.library import optional_library
from isospike.errors import OutputError
from isospike.files import replacing
from isospike.report.chart import Axis, Chart, Mark, Series, chart_csv, shortened
from isospike.report.content import Content, Given, gather
from isospike.report.palette import COLOURS, SYMBOLS
from isospike.report.raster import Raster

PACKAGE = "'isospike[report]'"
WIDTH, ENTRY = 7.2, 0.15
"""Inches of a figure from left to right, and of one entry of the legend beside it from top to bottom."""
POINTS_PER_PIXEL = 0.72
"""Of markers and heights; the page has 100 pixels where a figure has an inch."""
DASHES: dict[str, Any] = {
    "solid": "-",
    "dash": (0, (5, 2)),
    "dot": (0, (1.2, 1.5)),
    "dashdot": (0, (5, 1.8, 1.2, 1.8)),
    "longdash": (0, (9, 2.5)),
}
SETTINGS = {
    "svg.fonttype": "none",  # text stays text: it can be edited, searched and set in the paper's font
    "svg.hashsalt": "isospike",  # the same report gives the same file
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "grid.linewidth": 0.5,
    "text.usetex": False,
    "text.parse_math": False,  # a name may hold dollar signs
}


def write_figures(
    folder: str | Path,
    comparison: Given,
    *,
    diagnosis: Given | None = None,
    raster: Raster | None = None,
    costs: Given | None = None,
) -> list[Path]:
    """Write every chart of a report as ``NAME.svg``, ``NAME.png`` and ``NAME.csv``, every table as CSV.

    ``report.json`` holds comparison, diagnosis and costs as they were given. The arguments are those of `write_report`.

    Returns:
        The files, those that were there before included in what was replaced.

    Raises:
        DataError: an object lacks something or holds something else; the message names it.
        OutputError: see `check_figures`.
    """
    check_figures(folder)
    content = gather(comparison, diagnosis=diagnosis, raster=raster, costs=costs)
    matplotlib = optional_library("matplotlib", PACKAGE, OutputError)
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make the folder {folder}: {error.strerror or error}") from error
    written = [_write(target / name, text) for name, text in _texts(content).items()]
    with matplotlib.rc_context(SETTINGS):
        for chart in content.charts:
            written += _save(draw(chart), target, chart.name)
    return written


def check_figures(folder: str | Path) -> None:
    """Refuse a folder that figures cannot be written to, before the work that fills it.

    Raises:
        OutputError: it is a file or cannot be made, or matplotlib is missing.
    """
    target = Path(folder)
    there = next(path for path in (target, *target.absolute().parents) if path.exists())
    if not there.is_dir():
        raise OutputError(f"cannot write figures to {folder}: {there} is a file; give a folder")
    if not os.access(there, os.W_OK):
        raise OutputError(f"cannot write figures to {folder}: no permission to write in {there}")
    optional_library("matplotlib", PACKAGE, OutputError)


def draw(chart: Chart) -> Any:
    """A chart as a matplotlib ``Figure``."""
    figure = optional_library("matplotlib.figure", PACKAGE, OutputError).Figure(
        figsize=(WIDTH, max(chart.height / 130, ENTRY * (2 + len(chart.series)))), layout="constrained"
    )
    axes = figure.add_subplot()
    stacked = [0.0] * len(chart.x.categories)
    for order, series in enumerate(chart.series):
        _draw(axes, chart, series, stacked, order)
    _set(axes.xaxis, chart.x, axes.set_xscale, axes.set_xlim)
    _set(axes.yaxis, chart.y, axes.set_yscale, axes.set_ylim)
    axes.set_title(chart.title, loc="left", fontsize=9, fontweight="bold", wrap=True)
    for place in chart.y.separators:
        axes.axhline(place, color=COLOURS["grid"].light, linewidth=0.6)
    if not chart.x.categories and not chart.y.separators:
        axes.grid(color=COLOURS["grid"].light)
    if len(chart.series) > 1:
        figure.legend(loc="outside right upper", fontsize=7, frameon=False, handlelength=3.2)
    return figure


def _draw(axes: Any, chart: Chart, series: Series, stacked: list[float], order: int) -> None:
    style, colour = series.style, COLOURS[series.style.colour].light
    if series.mark is Mark.BAR:
        heights = [value or 0.0 for value in series.y]
        axes.bar(range(len(heights)), heights, bottom=list(stacked), color=colour, width=0.75, label=series.name)
        stacked[:] = [low + height for low, height in zip(stacked, heights, strict=True)]
        return
    places = range(len(series.x)) if chart.x.categories else series.x
    values = [float("nan") if value is None else value for value in series.y]
    look: dict[str, Any] = {"color": colour, "alpha": 1 if style.strong else 0.6, "zorder": 3 + order / 100}
    symbol = SYMBOLS[style.symbol].matplotlib if style.symbol else "none"
    if series.ties:
        axes.hlines(values, places, series.ties, linewidth=0.8, **look)
    for place, (low, high) in zip(places, series.spans, strict=False):  # without spans there are none
        axes.vlines(place, low, high, linewidth=0.8, **look)
    if series.sizes:
        areas = [(size * POINTS_PER_PIXEL) ** 2 for size in series.sizes]
        axes.scatter(places, values, s=areas, marker=symbol, linewidths=0, label=series.name, **look)
        return
    axes.plot(
        places,
        values,
        linestyle=DASHES[style.dash] if series.mark is Mark.LINE else "none",
        linewidth=1.5 if style.strong else 0.8,
        marker=symbol,
        markersize=style.size * POINTS_PER_PIXEL,
        markerfacecolor="none" if style.hollow else colour,
        markeredgewidth=1 if style.hollow else 0,
        label=series.name,
        **look,
    )


def _set(drawn: Any, axis: Axis, scale: Any, limit: Any) -> None:
    """Scale, limits, ticks and title of one axis."""
    if axis.log:
        scale("log")
    drawn.set_label_text(axis.title)
    if axis.ticks:
        drawn.set_ticks([place for place, _ in axis.ticks], [label for _, label in axis.ticks])
        drawn.set_ticks([], minor=True)
    if axis.limits is not None:  # after the ticks, which would widen them
        limit(axis.limits)
    if axis.categories:
        few = len(axis.categories) <= 4
        look = {} if few else {"rotation": 50, "ha": "right", "rotation_mode": "anchor"}
        drawn.set_ticks(range(len(axis.categories)), shortened(axis.categories), **look)


def _texts(content: Content) -> dict[str, str]:
    """Text files by name."""
    whole = {"comparison": content.comparison, "diagnosis": content.diagnosis, "costs": content.costs}
    return {
        "report.json": json.dumps(whole, indent=2) + "\n",
        **{f"{chart.name}.csv": chart_csv(chart) for chart in content.charts},
        **{f"table-{table.name}.csv": table.csv() for table in content.tables},
    }


def _write(path: Path, text: str) -> Path:
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def _save(figure: Any, folder: Path, name: str) -> list[Path]:
    paths = [folder / f"{name}.svg", folder / f"{name}.png"]
    for path in paths:
        kind = path.suffix[1:]
        with replacing(path) as part:
            figure.savefig(part, format=kind, dpi=200, metadata={"Date": None} if kind == "svg" else None)
    return paths
