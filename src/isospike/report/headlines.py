"""What a report reads out of a comparison: figures, energies, and the cells that it names first."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from isospike.comparison.tables import ranked_by
from isospike.tables import finite
from isospike.tasks import read_interval

NEAR = 1.0
"""How much worse than the ANN a cheap network may be to be named, in the unit of the score: a point of a share."""

Cell = Mapping[str, Any]


def value_of(comparison: Mapping[str, Any], cell: Cell) -> float | None:
    """The figure that a comparison ranks a cell by: its score, or without targets the agreement."""
    value = cell.get(comparison["metric"])
    return float(value) if finite(value) else None


def reference_value(comparison: Mapping[str, Any]) -> float | None:
    """The same figure of the ANN: it always agrees with itself."""
    if comparison["metric"] == "agreement":
        return ranked_by(comparison).perfect
    return value_of(comparison, comparison["ann"])


def scored(comparison: Mapping[str, Any], cell: Cell) -> str:
    """A cell's figure, or the ANN's, with its interval; the ANN's own agreement is certain."""
    measure, value = ranked_by(comparison), value_of(comparison, cell)
    if cell is comparison["ann"] and value is None:
        value = measure.perfect
    ends = measure.shown_interval(read_interval(cell["interval"]))
    certain = value is None or ends is None or (comparison["metric"] == "agreement" and value == measure.perfect)
    return measure.shown(value or 0.0) + ("" if certain else f" (95 % interval {ends})")


def goodness(comparison: Mapping[str, Any], cell: Cell) -> float:
    """What cells are sorted by, more is better; a cell without a figure comes last."""
    value = value_of(comparison, cell)
    return -math.inf if value is None else ranked_by(comparison).goodness(value)


def energy_of(comparison: Mapping[str, Any], cell: Cell, key: str = "energy_pj") -> float | None:
    """Picojoules per image by the comparison's energy model; nothing where they are unknown or not positive."""
    value = cell[key].get(comparison["energy_model"])
    return float(value) if finite(value) and value > 0 else None


def best_cell(comparison: Mapping[str, Any]) -> Cell | None:
    """The best cell; of two the one that needs fewer steps."""
    known = [cell for cell in comparison["cells"] if value_of(comparison, cell) is not None]
    return max(known, key=lambda cell: (goodness(comparison, cell), -cell["steps"]), default=None)


def cheapest_near(comparison: Mapping[str, Any]) -> Cell | None:
    """The cheapest cell that is at most `NEAR` worse than the ANN."""
    measure, ann = ranked_by(comparison), reference_value(comparison)
    near = [
        cell
        for cell in comparison["cells"]
        if energy_of(comparison, cell) is not None
        and ann is not None
        and (value := value_of(comparison, cell)) is not None
        and measure.within(value, ann, NEAR)
    ]
    return min(near, key=lambda cell: (energy_of(comparison, cell) or 0.0, cell["steps"]), default=None)
