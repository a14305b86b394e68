"""Charts for the page: objects for plotly.js, and the legends beside them.

Colours are written ``@name``; the page puts in those of its ground, so one object serves light and dark. Legends are
lists of buttons of the page, which wrap at any width and can be reached by keyboard.
"""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from isospike.report.chart import Axis, Chart, Mark, Series, shortened
from isospike.report.palette import SYMBOLS

STRONG, PALE = 2.4, 1.1
"""Widths of lines in pixels."""


@dataclass(frozen=True)
class Entry:
    """One entry of a legend."""

    name: str
    trace: int
    """Place of the series in the chart."""
    colour: str
    dash: str
    """Dash pattern of an SVG line; ``None`` of it where the series has no line."""
    path: str
    """Outline of the marker; empty for none."""
    hollow: bool
    bar: bool
    strong: bool


SVG_DASHES = {"solid": "", "dash": "6 3", "dot": "2 2.5", "dashdot": "6 2.5 2 2.5", "longdash": "9 3"}


def figure(chart: Chart) -> dict[str, Any]:
    """The object that plotly.js draws: ``data`` and ``layout``."""
    return {
        "data": [_trace(series) for series in chart.series],
        "layout": {
            "barmode": "stack",
            "bargap": 0.25,
            "height": chart.height,
            "showlegend": False,
            "hovermode": "closest",
            "margin": {"l": 12, "r": 12, "t": 30, "b": 12},
            "font": {"family": "system-ui, sans-serif", "size": 12.5, "color": "@ink"},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "hoverlabel": {"align": "left", "bgcolor": "@panel", "bordercolor": "@muted", "font": {"color": "@ink"}},
            "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@muted", "activecolor": "@ink"},
            "xaxis": _axis(chart.x),
            "yaxis": _axis(chart.y),
            "shapes": [_separator(place) for place in chart.y.separators],
        },
        "focus": None if chart.y.focus is None else list(chart.y.focus),
    }


def legend(chart: Chart) -> tuple[Entry, ...]:
    """The entries of the legend, in the order of the series."""
    return tuple(
        Entry(
            name=series.name,
            trace=index,
            colour=series.style.colour,
            dash="none" if series.mark is not Mark.LINE else SVG_DASHES[series.style.dash],
            path=SYMBOLS[series.style.symbol].path if series.style.symbol else "",
            hollow=series.style.hollow,
            bar=series.mark is Mark.BAR,
            strong=series.style.strong,
        )
        for index, series in enumerate(chart.series)
    )


def _trace(series: Series) -> dict[str, Any]:
    colour = f"@{series.style.colour}"
    trace: dict[str, Any] = {
        "name": html.escape(series.name),
        "x": [html.escape(x) if isinstance(x, str) else x for x in series.x],
        "y": list(series.y),
        **_hints(series.hints),
    }
    if series.mark is Mark.BAR:
        return {**trace, "type": "bar", "textposition": "none", "marker": {"color": colour}}
    modes = [*(["lines"] if series.mark is Mark.LINE else []), *(["markers"] if series.style.symbol else [])]
    return {
        **trace,
        "type": "scatter",
        "mode": "+".join(modes),
        "opacity": 1 if series.style.strong else 0.6,
        "line": {"color": colour, "dash": series.style.dash, "width": STRONG if series.style.strong else PALE},
        "marker": _marker(series, colour),
        "cliponaxis": False,
        **_ties(series, colour),
        **_spans(series, colour),
    }


def _ties(series: Series, colour: str) -> dict[str, Any]:
    """Lines to other places, which plotly has as bars of an error."""
    if not series.ties:
        return {}
    lengths = [tie - x for x, tie in zip(series.x, series.ties, strict=True) if not isinstance(x, str)]
    right, left = [max(length, 0) for length in lengths], [max(-length, 0) for length in lengths]
    look = {"color": colour, "thickness": 1, "width": 0}
    return {"error_x": {"type": "data", "symmetric": False, "array": right, "arrayminus": left, **look}}


def _spans(series: Series, colour: str) -> dict[str, Any]:
    """Whiskers around every value."""
    if not series.spans:
        return {}
    pairs = [(y, span) for y, span in zip(series.y, series.spans, strict=True) if y is not None]
    above, below = [high - y for y, (_, high) in pairs], [y - low for y, (low, _) in pairs]
    look = {"color": colour, "thickness": 1, "width": 3}
    return {"error_y": {"type": "data", "symmetric": False, "array": above, "arrayminus": below, **look}}


def _marker(series: Series, colour: str) -> dict[str, Any]:
    style = series.style
    if not style.symbol:
        return {}
    return {
        "symbol": f"{style.symbol}-open" if style.hollow else style.symbol,
        "size": list(series.sizes) if series.sizes else style.size,
        "color": colour,
        "line": {"color": colour, "width": 1.6 if style.hollow else 0},
    }


def _hints(hints: Sequence[str]) -> dict[str, Any]:
    """Texts beside the pointer: plotly reads tags and entities in them, so they are escaped."""
    if not hints:
        return {"hoverinfo": "skip"}
    return {"hovertext": [html.escape(hint).replace("\n", "<br>") for hint in hints], "hoverinfo": "text"}


def _axis(axis: Axis) -> dict[str, Any]:
    drawn: dict[str, Any] = {
        "title": {"text": html.escape(axis.title), "standoff": 12},
        "automargin": True,
        "gridcolor": "@grid",
        "linecolor": "@muted",
        "zeroline": False,
        "tickcolor": "@muted",
        "fixedrange": bool(axis.categories),
    }
    if axis.log:
        drawn |= {"type": "log"}
    if axis.limits is not None:
        drawn |= {"range": [_place(value, axis) for value in axis.limits]}
    if axis.ticks:
        drawn |= {
            "tickmode": "array",
            "tickvals": [place for place, _ in axis.ticks],
            "ticktext": [html.escape(label) for _, label in axis.ticks],
        }
    if axis.categories:
        names = [html.escape(name) for name in axis.categories]
        texts = [html.escape(short) for short in shortened(axis.categories)]
        drawn |= {"type": "category", "categoryarray": names, "autotickangles": [0, -50, -90]}
        drawn |= {"tickmode": "array", "tickvals": names, "ticktext": texts, "showgrid": False}
    if axis.separators:
        drawn |= {"showgrid": False}
    return drawn


def _place(value: float, axis: Axis) -> float:
    """A place as plotly counts it: on a logarithmic axis by powers of ten."""
    return math.log10(value) if axis.log else value


def _separator(place: float) -> dict[str, Any]:
    line = {"color": "@grid", "width": 1}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": place, "y1": place, "line": line, "layer": "below"}
