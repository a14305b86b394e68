"""The two lines that sum up a comparison: what was reached, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isospike.messages import counted
from isospike.points import images_of
from isospike.report.accuracy import Cell, metric_name, reference_share, share_of
from isospike.report.energy import energy_of
from isospike.units import energy, percent

NEAR = 0.01
"""Share that a cheap network may lose to be named, in whole images, as `Comparison.best` counts them."""


def verdict(comparison: Mapping[str, Any]) -> tuple[str, str]:
    """The most accurate cell beside the ANN, and the cheapest one near it beside ANN and quantised ANN."""
    known = [cell for cell in comparison["cells"] if share_of(comparison, cell) is not None]
    if not known:
        return "No cell was measured.", "Nothing is known of energies."
    best = max(known, key=lambda cell: (share_of(comparison, cell) or 0.0, -cell["steps"]))
    return _accuracy(comparison, best), _energy(comparison, known)


def _accuracy(comparison: Mapping[str, Any], best: Cell) -> str:
    share, reference = share_of(comparison, best) or 0.0, reference_share(comparison)
    name = metric_name(comparison)
    where = f"{best['label']} at T = {best['steps']}, the best of {counted(len(comparison['cells']), 'cell')}"
    line = f"{name}: {percent(share)} with {where}"
    if reference is None or comparison["metric"] == "agreement":
        return f"{line}; how accurate the ANN is itself is not known."
    return f"{line}; the ANN has {percent(reference)} ({100 * (share - reference):+.2f} points)."


def _energy(comparison: Mapping[str, Any], known: list[Cell]) -> str:
    costed = [cell for cell in known if energy_of(comparison, cell) is not None]
    if not costed:
        return f"Energy: not known for any cell by the model {comparison['energy_model']}."
    images, reference = comparison["images"], reference_share(comparison) or 0.0
    least = round(reference * images) - images_of(100 * NEAR, images)
    near = [cell for cell in costed if round((share_of(comparison, cell) or 0.0) * images) >= least]
    if not near:
        return f"Energy: no network comes within {100 * NEAR:g} point of the ANN, so none is called the cheapest."
    cheapest = min(near, key=lambda cell: (energy_of(comparison, cell) or 0.0, cell["steps"]))
    cost = energy_of(comparison, cheapest) or 0.0
    beside = [
        f"{cost / other:.2g} times {name} ({energy(other)})"
        for name, other in (
            ("the ANN", energy_of(comparison, comparison["ann"])),
            ("the quantised ANN of as many levels", energy_of(comparison, cheapest, "quantised_energy_pj")),
        )
        if other is not None
    ]
    line = (
        f"Energy ({comparison['energy_model']}): {cheapest['label']} at T = {cheapest['steps']} is the cheapest within"
    )
    return (
        f"{line} {100 * NEAR:g} point of the ANN, {energy(cost)} per image{': ' if beside else ''}{', '.join(beside)}."
    )
