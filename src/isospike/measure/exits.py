"""What exits change: accuracy, the steps that were used, spikes."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from isospike.executors import Compiled, ExitRule, Record
from isospike.intervals import shown_interval
from isospike.tables import Column, Table, Tabular
from isospike.units import percent


@dataclass(frozen=True)
class ExitEvaluation(Tabular):
    """One network with one exit rule on one data set."""

    rule: ExitRule
    """The exit rule."""
    metric: float
    """Top-1 accuracy (0 to 1) of every image's answer at its exit."""
    agreement: float
    """Share of images on which that answer and the ANN's give the same class."""
    spikes: float
    """Mean number of spikes per image up to its exit, all sites together."""
    histogram: dict[int, int]
    """Number of images that left after each number of steps, from 1 to the largest T; those at T may have had to."""
    seconds: float
    """Wall time of the runs."""

    @property
    def images(self) -> int:
        """Number of images."""
        return sum(self.histogram.values())

    @property
    def mean_steps(self) -> float:
        """Mean number of steps used by an image."""
        return sum(steps * count for steps, count in self.histogram.items()) / self.images

    @property
    def left_early(self) -> float:
        """Share of images that left before T."""
        return (self.images - self.histogram[max(self.histogram)]) / self.images

    def table(self) -> Table:
        """One row: the scores of the answers at the exits, and the steps that were used."""
        columns = (
            Column("rule", "rule"),
            Column("top1", "top-1 %", "", 2, factor=100),
            Column("interval", "95 % interval", "", 1),
            Column("agreement", "same class as ANN %", "", 2, factor=100),
            Column("spikes", "spikes/image", "", 0),
            Column("mean_steps", "mean T", "", 2),
            Column("left_early", f"left before T={max(self.histogram)} %", "", 2, factor=100),
        )
        interval = shown_interval(self.metric, self.images)
        row = (self.rule.name(), self.metric, interval, self.agreement, self.spikes, self.mean_steps, self.left_early)
        return Table("exits", f"with exits at threshold {self.rule.threshold:.12g}", columns, (row,))

    def summary(self) -> str:
        """Accuracy and steps in one line."""
        found = f"{percent(self.metric)} ({shown_interval(self.metric, self.images)})"
        return f"top-1 {found}, mean T {self.mean_steps:.2f}, threshold {self.rule.threshold:.12g}"

    def to_dict(self) -> dict[str, Any]:
        """The documented object ``exit`` of ``isospike evaluate --json``."""
        return {
            "rule": self.rule.name(),
            "options": asdict(self.rule),
            "top1": self.metric,
            "agreement": self.agreement,
            "spikes": self.spikes,
            "mean_steps": self.mean_steps,
            "left_early": self.left_early,
            "histogram": {str(steps): count for steps, count in self.histogram.items()},
            "seconds": self.seconds,
        }


class ExitTally:
    """Runs batches with exits and counts.

    Args:
        rule: the exit rule.
        steps: the largest number of steps T.
    """

    def __init__(self, rule: ExitRule, steps: int) -> None:
        self.rule = rule
        self.steps = steps
        self.correct = self.agree = self.spikes = 0
        self.exits = torch.zeros(steps + 1, dtype=torch.int64)
        self.seconds = 0.0

    def run(self, compiled: Compiled, inputs: Tensor, ann: Tensor, labels: Tensor) -> None:
        """One batch.

        Args:
            compiled: the network.
            inputs: images ``[B, ...]``.
            ann: the ANN's classes ``[B]``.
            labels: the true ones ``[B]``.
        """
        started = time.perf_counter()
        run = compiled.run(inputs, steps=self.steps, record=Record(outputs=False), exit=self.rule)
        self.seconds += time.perf_counter() - started
        assert run.exit_steps is not None
        classes = run.output.argmax(1)
        self.correct += int((classes == labels.to(classes.device)).sum())
        self.agree += int((classes == ann).sum())
        self.spikes += sum(int(counts.sum()) for counts in run.spikes.values())
        self.exits += run.exit_steps.cpu().bincount(minlength=self.steps + 1)

    def result(self) -> ExitEvaluation:
        """The measures over all batches."""
        n = int(self.exits.sum())
        return ExitEvaluation(
            rule=self.rule,
            metric=self.correct / n,
            agreement=self.agree / n,
            spikes=self.spikes / n,
            histogram=dict(enumerate(self.exits.tolist()[1:], start=1)),
            seconds=self.seconds,
        )
