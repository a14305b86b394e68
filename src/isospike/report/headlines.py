"""What a report reads out of a comparison: shares, energies, and the cells that it names first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isospike.compare.tables import METRICS
from isospike.intervals import shown_interval
from isospike.points import images_of
from isospike.tables import finite
from isospike.units import percent

NEAR = 0.01
"""Share that a cheap network may lose to be named, in whole images, as `Comparison.best` counts them."""

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


def scored(comparison: Mapping[str, Any], share: float) -> str:
    """A share with its interval; the ANN's own agreement is certain."""
    if comparison["metric"] == "agreement" and share == 1:
        return percent(share)
    return f"{percent(share)} (95 % interval {shown_interval(share, comparison['images'])})"


def energy_of(comparison: Mapping[str, Any], cell: Cell, key: str = "energy_pj") -> float | None:
    """Picojoules per image by the comparison's energy model; nothing where they are unknown or not positive."""
    value = cell[key].get(comparison["energy_model"])
    return float(value) if finite(value) and value > 0 else None


def most_accurate(comparison: Mapping[str, Any]) -> Cell | None:
    """The cell of the highest share; of two the one that needs fewer steps."""
    known = [cell for cell in comparison["cells"] if share_of(comparison, cell) is not None]
    return max(known, key=lambda cell: (share_of(comparison, cell) or 0.0, -cell["steps"]), default=None)


def cheapest_near(comparison: Mapping[str, Any]) -> Cell | None:
    """The cheapest cell that loses at most `NEAR` of the ANN's share."""
    images = comparison["images"]
    least = round((reference_share(comparison) or 0.0) * images) - images_of(100 * NEAR, images)
    near = [
        cell
        for cell in comparison["cells"]
        if energy_of(comparison, cell) is not None and round((share_of(comparison, cell) or 0.0) * images) >= least
    ]
    return min(near, key=lambda cell: (energy_of(comparison, cell) or 0.0, cell["steps"]), default=None)
