"""Colours, dashes and symbols: one look per method in all charts, on light and on dark ground.

The six hues of methods are those of Okabe and Ito's set for colour-blind readers, darkened on light ground and
lightened on dark ground until lines stand out. With more than six methods the dash changes too, and the symbol from
one to the next, so no two of up to 30 methods look the same without colour either.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from isospike.report.chart import Style


@dataclass(frozen=True)
class Colour:
    """One colour on both grounds."""

    light: str
    dark: str


COLOURS: dict[str, Colour] = {
    "method-0": Colour("#0068a8", "#4c9be8"),
    "method-1": Colour("#c94f00", "#f5894a"),
    "method-2": Colour("#00855f", "#37c795"),
    "method-3": Colour("#b3508c", "#e693c3"),
    "method-4": Colour("#b07a00", "#eab63e"),
    "method-5": Colour("#3d9fd6", "#a5dcf8"),
    "reference": Colour("#1b1f24", "#f0f2f4"),
    "competitor": Colour("#6b7280", "#a3abb6"),
    "clipping": Colour("#c94f00", "#f5894a"),
    "quantisation": Colour("#0068a8", "#4c9be8"),
    "unevenness": Colour("#b07a00", "#eab63e"),
    "rate": Colour("#00855f", "#37c795"),
    "positive": Colour("#0068a8", "#4c9be8"),
    "negative": Colour("#c94f00", "#f5894a"),
    "ink": Colour("#1b1f24", "#e6e9ec"),
    "muted": Colour("#5b6470", "#a3abb6"),
    "grid": Colour("#e3e6ea", "#30363d"),
    "paper": Colour("#ffffff", "#14181d"),
    "panel": Colour("#f6f7f9", "#1c2128"),
}
"""Colours by what they stand for."""
METHOD_COLOURS = 6
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


@dataclass(frozen=True)
class Symbol:
    """A marker: its name for matplotlib, and an outline around the origin for a legend of the page, radius 4."""

    matplotlib: str
    path: str


SYMBOLS: dict[str, Symbol] = {
    "circle": Symbol("o", "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z"),
    "square": Symbol("s", "M-3.5,-3.5h7v7h-7z"),
    "diamond": Symbol("D", "M0,-4.6L4.6,0L0,4.6L-4.6,0z"),
    "triangle-up": Symbol("^", "M0,-4.4L4.2,3.2H-4.2z"),
    "triangle-down": Symbol("v", "M0,4.4L4.2,-3.2H-4.2z"),
    "cross": Symbol("P", "M-1.5,-4.2h3v2.7h2.7v3h-2.7v2.7h-3v-2.7h-2.7v-3h2.7z"),
    "pentagon": Symbol("p", "M0,-4.4L4.2,-1.4L2.6,3.6H-2.6L-4.2,-1.4z"),
    "star": Symbol("*", "M0,-5L1.3,-1.6H4.9L2,0.6L3.1,4.2L0,2L-3.1,4.2L-2,0.6L-4.9,-1.6H-1.3z"),
}
"""Markers by plotly's names."""
METHOD_SYMBOLS = ("circle", "square", "diamond", "triangle-up", "triangle-down", "cross", "pentagon")


def method_styles(labels: Iterable[str]) -> dict[str, Style]:
    """One style per method, by the order in which they come."""
    return {
        label: Style(
            colour=f"method-{index % METHOD_COLOURS}",
            dash=DASHES[index // METHOD_COLOURS % len(DASHES)],
            symbol=METHOD_SYMBOLS[index % len(METHOD_SYMBOLS)],
        )
        for index, label in enumerate(dict.fromkeys(labels))
    }
