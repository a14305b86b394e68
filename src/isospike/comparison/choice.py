"""The network that was chosen, and what there was to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from isospike.comparison.cell import Cell, Failure
from isospike.comparison.front import pareto_front
from isospike.comparison.limits import Limits
from isospike.comparison.tables import bits_of_sites
from isospike.messages import counted
from isospike.network import SNN
from isospike.results import Among, At, IfThere, Inner, Result, derived
from isospike.tables import Column, Table, Tabular
from isospike.tasks import Interval, Measure, Measures, Metric, Task
from isospike.units import energy, energy_unit


@dataclass(frozen=True)
class Tried(Result):
    """A network that was measured."""

    cell: Among[Cell]
    """What it did on the first selection images."""
    images: int
    """How many these were: fewer than all where it could hardly hold, or something cheaper did."""


@dataclass(frozen=True, kw_only=True)
class Choice(Tabular, Result):
    """The cheapest network that holds on the selection images; what it does on others is in ``report``."""

    snn: Inner[SNN]
    """The network."""
    limits: Limits
    """What had to hold."""
    energy_model: str
    """Energy model of the choice."""
    task: Task
    """What the answers are for."""
    measures: Measures
    """What ``score`` and ``agreement`` mean."""
    chance: float | None
    """The figure of a network that knows nothing of its input; ``None`` where it is not known."""
    ann: Annotated[dict[str, float | None], At("ann.score")]
    """The ANN's score on ``selection`` and ``report`` images; ``None`` without targets."""
    ann_interval: Annotated[dict[str, Interval | None], At("ann.interval")]
    """Its intervals."""
    ann_energy_pj: Annotated[dict[str, float], At("ann.energy_pj")]
    """Energy of the ANN by energy model."""
    images: dict[str, int]
    """Number of ``calibration``, ``selection`` and ``report`` images."""
    shared: dict[str, int]
    """How many images every two of these have in common."""
    cell: Annotated[Cell, At("selection")]
    """What it did on all selection images; chosen on them, so no figure to report."""
    report: Cell | None
    """What it did on the report images, which chose nothing; ``None`` without such images."""
    tried: tuple[Tried, ...]
    """Every network and number of steps whose answers were judged, once, on as many images as in the end."""
    failed: tuple[Failure, ...]
    """What could not be measured, and why."""
    bit_trials: int
    """How many networks with bits of their own for each site were tried."""

    @property
    @derived(before="limits")
    def label(self) -> str:
        """The row that was chosen."""
        return self.cell.label

    @property
    @derived(before="limits")
    def method(self) -> str:
        """Name of its conversion method."""
        return self.cell.method

    @property
    @derived(before="limits")
    def options(self) -> dict[str, Any]:
        """The options of the method."""
        return self.cell.options

    @property
    @derived(before="energy_model")
    def tables(self) -> IfThere[dict[str, dict[str, int]] | None]:
        """What is approximate: entries of tables from code to code, by function and site; ``None``: nothing."""
        return self.snn.provenance.tables or None

    @property
    @derived(before="energy_model")
    def metric(self) -> Metric:
        """By what networks are ranked: ``score``, or ``agreement`` with the ANN without targets."""
        return "agreement" if self.ann["selection"] is None else "score"

    @property
    def measure(self) -> Measure:
        """What networks are ranked by."""
        return self.measures[self.metric]

    @property
    @derived(before="limits")
    def steps(self) -> int:
        """Number of steps T to run the network for."""
        return self.cell.steps

    def front(self) -> tuple[Tried, ...]:
        """The Pareto front of the figure against energy of all that were judged, each on its images."""
        better = [
            one for one in self.tried if self.measure.beats(one.cell.value, one.cell.interval, chance=self.chance)
        ]
        by_cell = {id(one.cell): one for one in better}
        front = pareto_front([one.cell for one in better], self.energy_model, self.measure)
        return tuple(by_cell[id(cell)] for cell in front)

    @property
    @derived("front", before="bit_trials")
    def places(self) -> tuple[int, ...]:
        """Places of `front` in ``tried``, cheapest first."""
        return tuple(self.tried.index(one) for one in self.front())

    def table(self) -> Table:
        """The chosen network on the images that selected it and on those that report, beside the ANN."""
        measure = self.measure
        unit = energy_unit([*self.ann_energy_pj.values(), self.cell.energy_pj[self.energy_model]])
        columns = (
            Column("part", "images that"),
            Column("images", "images", "", 0),
            measure.column("score", measure.name, measure.unit),
            Column("interval", "95 % interval", "", 1),
            measure.column("ann", "ANN", measure.unit),
            Column("ann_interval", "95 % interval", "", 1),
            Column("energy_pj", f"{unit.name}/image", f"({self.energy_model})", 2, factor=unit.factor),
        )
        parts = (("select", "selection", self.cell), ("report", "report", self.report))
        rows = tuple(self._row(word, part, cell) for word, part, cell in parts if cell is not None)
        own, ann = (energy(known[self.energy_model]) for known in (self.cell.energy_pj, self.ann_energy_pj))
        note = (
            f"{self.limits.describe(measure)}; {own} per image by {self.energy_model}, the ANN {ann}\n"
            f"calibrated on {counted(self.images['calibration'], 'image')}; {measure.interval}s; what selected is no "
            f"figure to report\nmeasured {counted(len(self.tried), 'network')}, {len(self.failed)} failed; bits of "
            f"sites were tried {self.bit_trials} times"
        )
        bits = bits_of_sites(self.cell)
        title = f"{self.cell.label} at T={self.steps}" + (bits and f", bits{bits}")
        return Table("choice", title, columns, rows, note)

    def _row(self, word: str, part: str, cell: Cell) -> tuple[Any, ...]:
        shown = self.measure.shown_interval
        figures = (cell.value, shown(cell.interval), self.ann[part], shown(self.ann_interval[part]))
        return (word, self.images[part], *figures, cell.energy_pj[self.energy_model])


def nearest(tried: Sequence[Tried], measure: Measure, count: int = 3) -> list[Tried]:
    """Those that come nearest to the ANN."""
    return sorted(tried, key=lambda one: (-measure.goodness(one.cell.value), one.cell.steps))[:count]
