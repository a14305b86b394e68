"""The two lines that sum up a comparison: what was reached, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from isospike.messages import counted
from isospike.report.headlines import (
    NEAR,
    Cell,
    cheapest_near,
    energy_of,
    metric_name,
    most_accurate,
    reference_share,
    scored,
    share_of,
)
from isospike.units import energy


def verdict(comparison: Mapping[str, Any]) -> tuple[str, str]:
    """The most accurate cell beside the ANN, and the cheapest one near it beside ANN and quantised ANN."""
    best = most_accurate(comparison)
    if best is None:
        return "No cell was measured.", "Nothing is known of energies."
    return _accuracy(comparison, best), _energy(comparison)


def _accuracy(comparison: Mapping[str, Any], best: Cell) -> str:
    share, reference = share_of(comparison, best) or 0.0, reference_share(comparison)
    count = len(comparison["cells"])
    which = f", the best of {counted(count, 'cell')} and so a little lucky" if count > 1 else ""
    where = f"{best['label']} at T = {best['steps']}{which}"
    line = (
        f"{metric_name(comparison)} on {counted(comparison['images'], 'test image')}: {scored(comparison, share)} with"
    )
    if reference is None or comparison["metric"] == "agreement":
        return f"{line} {where}; how accurate the ANN is itself is not known."
    return f"{line} {where}; the ANN has {scored(comparison, reference)}: {100 * (share - reference):+.2f} points."


def _energy(comparison: Mapping[str, Any]) -> str:
    if all(energy_of(comparison, cell) is None for cell in comparison["cells"]):
        return f"Energy: not known for any cell by the model {comparison['energy_model']}."
    cheapest = cheapest_near(comparison)
    if cheapest is None:
        return f"Energy: no network comes within {100 * NEAR:g} point of the ANN, so none is called the cheapest."
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
