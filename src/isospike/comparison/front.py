"""Pareto fronts: the best for their energy."""

from __future__ import annotations

from collections.abc import Sequence

from isospike.comparison.cell import Cell
from isospike.tasks import Measure


def pareto_front(cells: Sequence[Cell], energy_model: str, measure: Measure) -> tuple[Cell, ...]:
    """The cells that no other dominates, cheapest first; those of an unknown energy are left out.

    A cell dominates another if its figure is at least as good for at most the energy, and better in one of the two.
    Cells that are equal in both do not dominate each other.
    """
    front: list[Cell] = []
    known = [cell for cell in cells if energy_model in cell.energy_pj]
    for cell in sorted(known, key=lambda cell: (cell.energy_pj[energy_model], -measure.goodness(cell.value))):
        last = front[-1] if front else None
        if (
            last is None
            or measure.goodness(cell.value) > measure.goodness(last.value)
            or _equal(cell, last, energy_model)
        ):
            front.append(cell)
    return tuple(front)


def _equal(a: Cell, b: Cell, energy_model: str) -> bool:
    return (a.value, a.energy_pj[energy_model]) == (b.value, b.energy_pj[energy_model])
