"""Units and wording of numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from isospike.tables import finite


@dataclass(frozen=True)
class Unit:
    """A unit and the factor from the stored values to it."""

    name: str
    factor: float


ENERGIES = (Unit("mJ", 1e-9), Unit("µJ", 1e-6), Unit("nJ", 1e-3), Unit("pJ", 1.0))
"""From picojoules."""


def energy_unit(values: Iterable[Any]) -> Unit:
    """The largest unit in which the largest of the picojoules is at least 1."""
    largest = max((abs(value) for value in values if finite(value)), default=0.0)
    return next((unit for unit in ENERGIES if largest * unit.factor >= 1), ENERGIES[-1])


def energy(value: float) -> str:
    """Picojoules as ``12.3 nJ``."""
    unit = energy_unit([value])
    return f"{value * unit.factor:.3g} {unit.name}" if abs(value * unit.factor) < 1000 else f"{value:.3g} pJ"


def percent(share: float) -> str:
    """``0.9173`` as ``91.73 %``."""
    return f"{100 * share:.2f} %"
