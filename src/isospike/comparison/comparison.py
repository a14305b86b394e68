"""The result of a comparison, as plain data."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from isospike.comparison.cell import Cell, Failure
from isospike.comparison.contradictions import contradictions
from isospike.comparison.front import pareto_front
from isospike.comparison.tables import cell_table, failed_table, front_table, steps_table
from isospike.errors import DataError, OutputError, UnknownNameError
from isospike.files import check_writable, replacing
from isospike.messages import counted
from isospike.options import Count, Range, check_arguments
from isospike.results import At, IfThere, Stored, derived
from isospike.tables import Table, Tabular
from isospike.tasks import Interval, Measure, Measures, Metric, TaskObject
from isospike.verbs import verbs

FORMAT = 2
"""Version of the object of a comparison."""
DATA_FILES = (".json", ".csv")
"""Endings of files with the figures of a comparison."""


@dataclass(frozen=True, kw_only=True)
class Comparison(Tabular, Stored):
    """Methods at numbers of steps, on one network and the same images."""

    digest: Annotated[str, At("model.digest")]
    """Hash of the captured and folded network."""
    sites: Annotated[int, At("model.sites")]
    """Number of activation sites."""
    macs: Annotated[int, At("model.macs")]
    """Multiply-accumulates of the ANN for one image, without those with the zeros of a padding: those of its energy."""
    macs_with_padding: Annotated[int, At("model.macs_with_padding")]
    """With these, as papers count them."""
    task: TaskObject
    """What the answers are for: ``name`` and ``options`` of the task."""
    measures: Measures
    """What ``score`` and ``agreement`` of the cells mean."""
    chance: float | None
    """The figure of a network that knows nothing of its input; ``None`` where it is not known."""
    ann_score: Annotated[float | None, At("ann.score")]
    """The ANN's score; ``None`` without targets."""
    ann_interval: Annotated[Interval | None, At("ann.interval")]
    """The interval of the ANN's score."""
    ann_energy_pj: Annotated[dict[str, float], At("ann.energy_pj")]
    """Energy of the ANN by energy model."""
    images: Count
    """Number of test images."""
    account_images: Count
    """On how many of them operations were counted."""
    calibration_images: int | None
    """Number of calibration images."""
    shared: dict[str, int] = field(default_factory=dict)
    """How many calibration images are among the test images, as ``calibration-test``."""
    energy_model: str
    """Energy model of the front."""
    cells: tuple[Cell, ...]
    """In order of the rows, by rising T."""
    failed: tuple[Failure, ...] = ()
    """What could not be measured, and why."""
    command: str = ""
    """The command line, where there was one."""
    versions: dict[str, str] = field(default_factory=dict)
    """Of the software."""
    seed: int | None = 0
    """Seed of the order of the calibration images, where they were shuffled."""
    tables: Annotated[IfThere[dict[str, tuple[str, ...]] | None], At("model.tables")] = None
    """What is approximate: by function that is a table from code to code, the sites in front of it; ``None``: nothing.
    """

    @property
    @derived(before="model.digest")
    def format(self) -> int:
        """Version of this object."""
        return FORMAT

    @property
    @derived(before="energy_model")
    def metric(self) -> Metric:
        """By what networks are ranked: the score, or without targets the agreement with the ANN."""
        return "agreement" if self.ann_score is None else "score"

    @property
    def measure(self) -> Measure:
        """What networks are ranked by."""
        return self.measures[self.metric]

    @property
    def ann(self) -> float:
        """The ANN's score; without targets the agreement of equal answers."""
        perfect = self.measure.perfect
        return self.ann_score if self.ann_score is not None else 0.0 if perfect is None else perfect

    @property
    @derived("front", before="command")
    def places(self) -> tuple[tuple[str, int], ...]:
        """Label and steps of the cells of `front`, cheapest first."""
        return tuple((cell.label, cell.steps) for cell in self.front())

    def front(self, energy_model: str | None = None) -> tuple[Cell, ...]:
        """The cells that no other dominates in what they are ranked by and in energy, cheapest first.

        Cells that do not answer better than chance are left out: the worse end of their interval is not better than
        `chance`. The cheapest networks are silent, and only guess.

        Raises:
            UnknownNameError: the energies are not known for this model.
        """
        better = [cell for cell in self.cells if self.measure.beats(cell.value, cell.interval, chance=self.chance)]
        return pareto_front(better, self._known(energy_model), self.measure)

    def table(self) -> Table:
        """Every cell with all its numbers, in the order in which they were measured."""
        return cell_table(self.to_dict())

    def scores(self) -> Table:
        """The scores alone: a row for each method, a column for each number of steps."""
        title = f"{self.measure.name} on {counted(self.images, 'image')}"
        ann = None if self.ann_score is None else (self.ann_score, self.ann_interval)
        return steps_table(title, self.cells, self.measure, ann=ann, images=self.images)

    def __str__(self) -> str:
        """The scores, the front, and what failed, in lines of at most 100 letters."""
        front = front_table([(cell, self.images) for cell in self.front()], self.energy_model, self.measure)
        failed = failed_table(self.to_dict())
        return "\n\n".join(map(str, filter(None, (self.scores(), front, failed))))

    def best(
        self,
        *,
        max_drop: float = 1.0,
        max_steps: int | None = None,
        max_energy: float | None = None,
        energy_model: str | None = None,
    ) -> Cell | None:
        """The cheapest cell within limits, the one of fewer steps of two that cost the same; ``None``: there is none.

        It was chosen on these images; a figure to report needs others, see `isospike.auto`.

        Args:
            max_drop: how much worse than the ANN, in the unit of the score: points of a share (1: a hundredth).
            max_steps: number of steps T.
            max_energy: pJ per image.
            energy_model: name of the energy model; the comparison's own by default.

        Raises:
            OptionError: ``max_drop`` is below zero.
            UnknownNameError: the energies are not known for this model.
        """
        check_arguments(Annotated[float, Range(0)], max_drop=max_drop)
        name = self._known(energy_model)
        held = [
            cell
            for cell in self.cells
            if self.measure.within(cell.value, self.ann, max_drop)
            and (max_steps is None or cell.steps <= max_steps)
            and name in cell.energy_pj
            and (max_energy is None or cell.energy_pj[name] <= max_energy)
        ]
        return min(held, key=lambda cell: (cell.energy_pj[name], cell.steps), default=None)

    @classmethod
    def check(cls, value: Any) -> dict[str, Any]:
        """``value`` if it is the object of ``isospike compare --json``.

        Raises:
            DataError: see `Result.check`; or it has another format.
        """
        if isinstance(value, Mapping) and value.get("format", FORMAT) != FORMAT:
            raise DataError(
                f"no comparison of format {FORMAT} but of {value['format']!r:.20}: read it with the version of "
                "isospike that wrote it, or compare again"
            )
        return super().check(value)

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> Iterator[str]:
        """Figures that no measure has, a front of cells that are not there, a metric that is not known."""
        return contradictions(values)

    def save(self, path: str | Path) -> None:
        """Write it to a file: ``.json``, which `load` reads, or ``.csv``, a line for each cell.

        Raises:
            OutputError: another ending, or the path cannot be written.
        """
        check_target(path, DATA_FILES)
        text = self.to_csv() if Path(path).suffix == ".csv" else self.to_json()
        with replacing(path) as part:
            part.write_text(text, encoding="utf-8")

    def report(self, path: str | Path) -> Path:
        """Write it as one HTML page that works offline; see `isospike.report.write_report`, which shows more.

        Raises:
            OutputError: the file cannot be written, or plotly or jinja2 is missing.
        """
        written: Path = verbs["report"](path, self)
        return written

    @classmethod
    def load(cls, path: str | Path) -> Comparison:
        """Read the ``.json`` file that `save` or ``isospike compare --out`` wrote.

        Raises:
            DataError: there is no such file, or it holds something else; the message names it.
        """
        return cls.made_of(cls.read(path))

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=2) + "\n"

    def to_csv(self) -> str:
        """A header, and one line for each cell; energies in a column for each energy model."""
        rows = [_flat(cell) for cell in self.cells]
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def _known(self, energy_model: str | None) -> str:
        name = self.energy_model if energy_model is None else energy_model
        known = set(self.ann_energy_pj)
        if name not in known:
            raise UnknownNameError("energy model", name, known)
        return name


def check_target(path: str | Path, endings: tuple[str, ...]) -> None:
    """Refuse a file that no comparison can be written to, before the work.

    Raises:
        OutputError: another ending, or the path cannot be written.
    """
    check_writable(path)
    if Path(path).suffix not in endings:
        raise OutputError(f"cannot write {path}: a comparison is written to {', '.join(endings[:-1])} or {endings[-1]}")


def _flat(cell: Cell) -> dict[str, Any]:
    values = cell.to_dict()
    values["options"], values["papers"] = json.dumps(cell.options), " ".join(cell.papers)
    for kind in ("energy_pj", "quantised_energy_pj"):
        energies: dict[str, float] = values.pop(kind)
        values.update({f"{kind}:{name}": energy for name, energy in energies.items()})
    return values
