"""What exits change: the score, the steps that were used, spikes."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import torch

from isospike.executors import Compiled, ExitRule, Record
from isospike.inputs import Inputs
from isospike.results import Inner, Result, Shown, columns_of, derived
from isospike.tables import Column, Table, Tabular
from isospike.tasks import INTERVAL, Interval, Judge, Measured


@dataclass(frozen=True)
class ExitEvaluation(Tabular, Result):
    """One network with one exit rule on one data set."""

    rule: Inner[ExitRule]
    """The exit rule."""
    score: Inner[Measured | None]
    """Of every sample's answer at its exit, against the targets; ``None`` without targets."""
    agreed: Inner[Measured]
    """The agreement of these answers with the ANN's."""
    spikes: Annotated[float, Shown("spikes/image", "", 0)]
    """Mean number of spikes per image up to its exit, all sites together."""
    histogram: dict[int, int]
    """Number of images that left after each number of steps, from 1 to the largest T; those at T may have had to."""
    seconds: float
    """Wall time of the runs."""

    @property
    def measured(self) -> Measured:
        """What networks are ranked by: the score, or without targets the agreement."""
        return self.agreed if self.score is None else self.score

    @property
    @derived("rule", before="spikes")
    def rule_name(self) -> Annotated[str, Shown("rule")]:
        """Name of the exit rule."""
        return self.rule.name()

    @property
    @derived(before="spikes")
    def options(self) -> dict[str, Any]:
        """The options of the rule."""
        return asdict(self.rule)

    @property
    @derived("score", before="spikes")
    def score_value(self) -> Annotated[float | None, Shown("score")]:
        """The task's figure at the exits; ``None`` without targets."""
        return None if self.score is None else self.score.value

    @property
    @derived(before="spikes")
    def interval(self) -> Annotated[Interval | None, INTERVAL]:
        """Interval of 95 % of what networks are ranked by: the score, or without targets the agreement."""
        return self.measured.interval

    @property
    def metric(self) -> float:
        """The value of `measured`."""
        return self.measured.value

    @property
    @derived(before="spikes")
    def agreement(self) -> Annotated[float, Shown("agreement")]:
        """The value of the agreement."""
        return self.agreed.value

    @property
    def images(self) -> int:
        """Number of images."""
        return sum(self.histogram.values())

    @property
    @derived(before="histogram")
    def mean_steps(self) -> Annotated[float, Shown("mean T", "", 2)]:
        """Mean number of steps used by an image."""
        return sum(steps * count for steps, count in self.histogram.items()) / self.images

    @property
    @derived(before="histogram")
    def left_early(self) -> Annotated[float, Shown("left early", "%", 2, factor=100)]:
        """Share of images that left before T."""
        return (self.images - self.histogram[max(self.histogram)]) / self.images

    def table(self) -> Table:
        """One row: the scores of the answers at the exits, and the steps that were used."""
        measure, own = self.measured.measure, self.agreed.measure
        columns = columns_of(
            ExitEvaluation,
            score=measure.column("score", measure.heading),
            agreement=own.column("agreement", own.heading),
            left_early=Column("left_early", f"left before T={max(self.histogram)} %", "", 2, factor=100),
        )
        shown = {"score": self.metric, "interval": measure.shown_interval(self.interval)}
        row = tuple({**self.to_dict(), **shown}[column.key] for column in columns)
        return Table("exits", f"with exits at threshold {self.rule.threshold:.12g}", columns, (row,))

    def summary(self) -> str:
        """Score and steps in one line."""
        found = f"{self.measured.measure.short} {self.measured}, mean T {self.mean_steps:.2f}"
        return f"{found}, threshold {self.rule.threshold:.12g}"


class ExitTally:
    """Runs batches with exits and counts.

    Args:
        rule: the exit rule.
        judge: how answers are judged.
        steps: the largest number of steps T.
    """

    def __init__(self, rule: ExitRule, judge: Judge, steps: int) -> None:
        self.rule, self.judge, self.steps = rule, judge, steps
        self.score, self.agreement, self.spikes = judge.score(), judge.agreement(), 0
        self.exits = torch.zeros(steps + 1, dtype=torch.int64)
        self.seconds = 0.0

    def run(self, compiled: Compiled, inputs: Inputs, expected: Any, *, targets: Any) -> None:
        """One batch.

        Args:
            compiled: the network.
            inputs: samples ``[B, ...]`` or sequences ``[T, B, ...]``.
            expected: what the judge decided of the ANN's outputs.
            targets: as the judge read them, where there are some.
        """
        started = time.perf_counter()
        run = compiled.run(inputs, steps=self.steps, record=Record(outputs=False), exit=self.rule)
        self.seconds += time.perf_counter() - started
        assert run.exit_steps is not None
        found = self.judge.decide(run.output)
        self.agreement.update(found, expected)
        if targets is not None:
            self.score.update(found, targets)
        self.spikes += sum(int(counts.sum()) for counts in run.spikes.values())
        self.exits += run.exit_steps.cpu().bincount(minlength=self.steps + 1)

    def result(self) -> ExitEvaluation:
        """The measures over all batches."""
        n = int(self.exits.sum())
        return ExitEvaluation(
            rule=self.rule,
            score=self.score.value() if self.judge.labelled else None,
            agreed=self.agreement.value(),
            spikes=self.spikes / n,
            histogram=dict(enumerate(self.exits.tolist()[1:], start=1)),
            seconds=self.seconds,
        )
