"""What an evaluation found, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isospike.measure.exits import ExitEvaluation
from isospike.messages import counted
from isospike.tables import Column, Table, Tabular
from isospike.tasks import Measured, Task, plain_interval


@dataclass(frozen=True)
class Evaluation(Tabular):
    """The score of one network on one data set, against the number of steps."""

    task: Task
    """What the answers are for."""
    scores: dict[int, tuple[Measured, ...]] | None
    """All figures of the task against the targets after each number of steps; ``None`` without targets."""
    agreements: dict[int, Measured]
    """The agreement with the ANN after each number of steps."""
    ann_scores: tuple[Measured, ...] | None
    """The same figures of the ANN it was converted from, on the same samples."""
    images: int
    """Number of samples."""
    spikes: dict[int, float]
    """Mean number of spikes per sample, all sites together, after each number of steps."""
    seconds: float
    """Wall time of the SNN runs, without those with exits."""
    exit: ExitEvaluation | None = None
    """The same network with exits; ``None`` without a rule."""

    @property
    def measured(self) -> dict[int, Measured]:
        """What networks are ranked by, after each number of steps: the score, or without targets the agreement."""
        return self.agreements if self.scores is None else {t: found[0] for t, found in self.scores.items()}

    @property
    def metric(self) -> dict[int, float]:
        """The values of `measured`."""
        return {t: found.value for t, found in self.measured.items()}

    @property
    def ann(self) -> float | None:
        """The ANN's score; ``None`` without targets."""
        return None if self.ann_scores is None else self.ann_scores[0].value

    @property
    def agreement(self) -> dict[int, float]:
        """The values of `agreements`."""
        return {t: found.value for t, found in self.agreements.items()}

    def table(self) -> Table:
        """The ANN, then each number of steps, each score beside its interval."""
        measure, own = next(iter(self.measured.values())).measure, next(iter(self.agreements.values())).measure
        more = () if self.ann_scores is None else tuple(one.measure for one in self.ann_scores[1:])
        columns = (
            Column("steps", "T"),
            Column("score", measure.heading, "", measure.digits, factor=measure.factor),
            Column("interval", "95 % interval", "", 1),
            *(Column(one.key, one.heading, "", one.digits, factor=one.factor) for one in more),
            *(() if self.scores is None else (Column("agreement", own.heading, "", own.digits, factor=own.factor),)),
            Column("spikes", "spikes/image", "", 0),
        )
        rows = [self._row(t, self.agreements[t] if self.scores is None else None) for t in self.agreements]
        ann = [] if self.ann_scores is None else [("ANN", *_cells(self.ann_scores), None, None)]
        title = f"{measure.in_text} on {counted(self.images, 'image')}"
        exits = [] if self.exit is None else [f"with exits: {self.exit.summary()}"]
        return Table("evaluation", title, columns, (*ann, *rows), "\n".join([f"{measure.interval}s", *exits]))

    def _row(self, steps: int, alone: Measured | None) -> tuple[Any, ...]:
        if alone is not None or self.scores is None:
            return (f"T={steps}", *_cells((self.agreements[steps],)), self.spikes[steps])
        return (f"T={steps}", *_cells(self.scores[steps]), self.agreements[steps].value, self.spikes[steps])

    def to_dict(self) -> dict[str, Any]:
        """The documented JSON object of ``isospike evaluate --json``."""
        ann, own = self.ann_scores, next(iter(self.agreements.values())).measure
        found = {
            "task": self.task.to_dict(),
            "measures": {"score": None if ann is None else ann[0].measure.to_dict(), "agreement": own.to_dict()},
            "ann": {"score": self.ann, **({} if ann is None else _more(ann))},
            "snn": {str(steps): self._one(steps) for steps in self.agreements},
            "images": self.images,
            "seconds": self.seconds,
        }
        return found if self.exit is None else {**found, "exit": self.exit.to_dict()}

    def _one(self, steps: int) -> dict[str, Any]:
        scores = None if self.scores is None else self.scores[steps]
        return {
            "score": None if scores is None else scores[0].value,
            "interval": plain_interval(self.measured[steps].interval),
            **({} if scores is None else _more(scores)),
            "agreement": self.agreement[steps],
            "spikes": self.spikes[steps],
        }


def _cells(figures: tuple[Measured, ...]) -> tuple[Any, ...]:
    """The first with its interval, then the others."""
    first, *others = figures
    return (first.value, first.measure.shown_interval(first.interval), *(one.value for one in others))


def _more(figures: tuple[Measured, ...]) -> dict[str, Any]:
    """The figures beside the one that networks are ranked by, where the task has some."""
    return {"more": {one.measure.key: one.to_dict() for one in figures[1:]}} if figures[1:] else {}
