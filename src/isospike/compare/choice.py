"""The network that was chosen, and what there was to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from isospike.compare.cell import Cell, Failure
from isospike.compare.front import pareto_front
from isospike.compare.limits import Limits
from isospike.network import SNN


@dataclass(frozen=True)
class Tried:
    """A network that was measured."""

    cell: Cell
    """What it did on the first selection images."""
    images: int
    """How many these were: fewer than all where it could hardly hold, or something cheaper did."""


@dataclass(frozen=True)
class Choice:
    """The cheapest network that holds on the selection images; what it does on others is in ``report``."""

    snn: SNN
    """The network."""
    cell: Cell
    """What it did on all selection images; chosen on them, so no figure to report."""
    report: Cell | None
    """What it did on the report images, which chose nothing; ``None`` without such images."""
    limits: Limits
    """What had to hold."""
    ann: dict[str, float | None]
    """Top-1 accuracy of the ANN on ``selection`` and ``report`` images; ``None`` without labels."""
    ann_energy_pj: dict[str, float]
    """Energy of the ANN by energy model."""
    images: dict[str, int]
    """Number of ``calibration``, ``selection`` and ``report`` images."""
    shared: dict[str, int]
    """How many images every two of these have in common."""
    energy_model: str
    """Energy model of the choice."""
    tried: tuple[Tried, ...]
    """Every network and number of steps whose accuracy was measured, once, on as many images as in the end."""
    failed: tuple[Failure, ...]
    """What could not be measured, and why."""
    bit_trials: int
    """How many networks with bits of their own for each site were tried."""

    @property
    def metric(self) -> str:
        """What accuracy means: ``top1``, or ``agreement`` with the ANN without labels."""
        return "agreement" if self.ann["selection"] is None else "top1"

    @property
    def steps(self) -> int:
        """Number of steps T to run the network for."""
        return self.cell.steps

    def front(self) -> tuple[Tried, ...]:
        """The Pareto front of accuracy against energy of all whose accuracy was measured, each on its images."""
        by_cell = {id(one.cell): one for one in self.tried}
        return tuple(by_cell[id(cell)] for cell in pareto_front([one.cell for one in self.tried], self.energy_model))

    def to_dict(self) -> dict[str, Any]:
        """The documented JSON object of ``isospike auto --json``."""
        return {
            "label": self.cell.label,
            "method": self.cell.method,
            "options": self.cell.options,
            "steps": self.steps,
            "limits": asdict(self.limits),
            "metric": self.metric,
            "energy_model": self.energy_model,
            "ann": {"top1": self.ann, "energy_pj": self.ann_energy_pj},
            "images": self.images,
            "shared": self.shared,
            "selection": self.cell.to_dict(),
            "report": None if self.report is None else self.report.to_dict(),
            "tried": [{**one.cell.to_dict(), "images": one.images} for one in self.tried],
            "failed": [asdict(failure) for failure in self.failed],
            "front": [self.tried.index(one) for one in self.front()],
            "bit_trials": self.bit_trials,
        }


def nearest(tried: Sequence[Tried], count: int = 3) -> list[Tried]:
    """Those that come nearest to the ANN."""
    return sorted(tried, key=lambda one: (-one.cell.accuracy, one.cell.steps))[:count]
