"""The two lines that sum up a comparison: what was reached, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isospike.comparison.tables import ranked_by
from isospike.messages import counted
from isospike.report.headlines import (
    NEAR,
    Cell,
    best_cell,
    cheapest_near,
    energy_of,
    reference_value,
    scored,
    value_of,
)
from isospike.units import energy


def verdict(comparison: Mapping[str, Any]) -> tuple[str, str]:
    """The best cell beside the ANN, and the cheapest one near it beside ANN and quantised ANN."""
    best = best_cell(comparison)
    if best is None:
        return "No cell was measured.", "Nothing is known of energies."
    return _score(comparison, best), _energy(comparison)


def _score(comparison: Mapping[str, Any], best: Cell) -> str:
    measure, value, ann = ranked_by(comparison), value_of(comparison, best) or 0.0, reference_value(comparison)
    count = len(comparison["cells"])
    which = f", the best of {counted(count, 'cell')} and so a little lucky" if count > 1 else ""
    where = f"{best['label']} at T = {best['steps']}{which}"
    line = f"{measure.name} on {counted(comparison['images'], 'test image')}: {scored(comparison, best)} with {where}"
    if ann is None or comparison["metric"] == "agreement":
        return f"{line}; how good the ANN is itself is not known."
    apart = f"{measure.factor * (value - ann):+.2f} {measure.points}"
    return f"{line}; the ANN has {scored(comparison, comparison['ann'])}: {apart}."


def _energy(comparison: Mapping[str, Any]) -> str:
    if all(energy_of(comparison, cell) is None for cell in comparison["cells"]):
        return f"Energy: not known for any cell by the model {comparison['energy_model']}."
    cheapest = cheapest_near(comparison)
    if cheapest is None:
        return f"Energy: no network comes within {_near(comparison)} of the ANN, so none is called the cheapest."
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
        f"{line} {_near(comparison)} of the ANN, {energy(cost)} per image{': ' if beside else ''}{', '.join(beside)}."
    )


def _near(comparison: Mapping[str, Any]) -> str:
    """``1 point``."""
    return f"{NEAR:g} {ranked_by(comparison).points.removesuffix('s')}"
