"""What an evaluation found, as plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isospike.measure.exits import ExitEvaluation
from isospike.messages import counted
from isospike.results import IfThere, Inner, Result, derived
from isospike.tables import Column, Table, Tabular
from isospike.tasks import Interval, Measure, Measured, Task

More = dict[str, Measured] | None
"""The figures of a task beside the one that networks are ranked by, by key, where it has some."""


@dataclass(frozen=True)
class EvaluationAtSteps(Result):
    """What a network did after one number of steps."""

    score: float | None
    """The task's figure against the targets; ``None`` without targets."""
    interval: Interval | None
    """Interval of 95 % of what networks are ranked by: the score, or without targets the agreement."""
    more: IfThere[More]
    """The further figures of the task."""
    agreement: float
    """The agreement with the ANN."""
    spikes: float
    """Mean number of spikes per sample."""


@dataclass(frozen=True)
class Evaluation(Tabular, Result):
    """The score of one network on one data set, against the number of steps."""

    task: Task
    """What the answers are for."""
    scores: Inner[dict[int, tuple[Measured, ...]] | None]
    """All figures of the task against the targets after each number of steps; ``None`` without targets."""
    agreements: Inner[dict[int, Measured]]
    """The agreement with the ANN after each number of steps."""
    ann_scores: Inner[tuple[Measured, ...] | None]
    """The same figures of the ANN it was converted from, on the same samples."""
    images: int
    """Number of samples."""
    spikes: Inner[dict[int, float]]
    """Mean number of spikes per sample, all sites together, after each number of steps."""
    seconds: float
    """Wall time of the SNN runs, without those with exits."""
    exit: IfThere[ExitEvaluation | None] = None
    """The same network with exits; ``None`` without a rule."""

    @property
    @derived("measures.score", before="images")
    def score_measure(self) -> Measure | None:
        """What the score means; ``None`` without targets."""
        return None if self.ann_scores is None else self.ann_scores[0].measure

    @property
    @derived("measures.agreement", before="images")
    def agreement_measure(self) -> Measure:
        """What the agreement means."""
        return next(iter(self.agreements.values())).measure

    @property
    def measured(self) -> dict[int, Measured]:
        """What networks are ranked by, after each number of steps: the score, or without targets the agreement."""
        return self.agreements if self.scores is None else {t: found[0] for t, found in self.scores.items()}

    @property
    def metric(self) -> dict[int, float]:
        """The values of `measured`."""
        return {t: found.value for t, found in self.measured.items()}

    @property
    @derived("ann.score", before="images")
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
            measure.column("score", measure.heading),
            Column("interval", "95 % interval", "", 1),
            *(one.column(one.key, one.heading) for one in more),
            *(() if self.scores is None else (own.column("agreement", own.heading),)),
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

    @property
    @derived("ann.more", before="images")
    def ann_more(self) -> IfThere[More]:
        """The further figures of the ANN."""
        return None if self.ann_scores is None else _more(self.ann_scores)

    @derived("snn", before="images")
    def by_steps(self) -> dict[int, EvaluationAtSteps]:
        """By the number of steps T."""
        return {steps: self._at(steps) for steps in self.agreements}

    def _at(self, steps: int) -> EvaluationAtSteps:
        scores = None if self.scores is None else self.scores[steps]
        return EvaluationAtSteps(
            score=None if scores is None else scores[0].value,
            interval=self.measured[steps].interval,
            more=None if scores is None else _more(scores),
            agreement=self.agreement[steps],
            spikes=self.spikes[steps],
        )


def _cells(figures: tuple[Measured, ...]) -> tuple[Any, ...]:
    """The first with its interval, then the others."""
    first, *others = figures
    return (first.value, first.measure.shown_interval(first.interval), *(one.value for one in others))


def _more(figures: tuple[Measured, ...]) -> More:
    """The figures beside the one that networks are ranked by, where the task has some."""
    return {one.measure.key: one for one in figures[1:]} or None
