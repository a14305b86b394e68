"""The threshold of an exit rule, from the accuracy-latency front on calibration data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from isospike.data.stream import stream
from isospike.errors import DataError, OptionError, SimulationError
from isospike.executors import DEFAULT_MEMORY_BUDGET, Compiled, ExitRule, Record, compile
from isospike.executors.leaving import check_exit, class_count
from isospike.intervals import shown_interval
from isospike.measure.accuracy import check_range, labelled
from isospike.messages import counted, with_article
from isospike.network import SNN
from isospike.precision import own_precision
from isospike.progress import Progress, reporting, told
from isospike.tables import Column, Table, Tabular
from isospike.units import percent
from isospike.whole import is_number, is_whole

ROUNDING = 1e-5
"""Of the distance to certainty: float32 sums of another batch size move a score by less (near 1 the error of a
probability falls with its distance from 1)."""
LEAST_GAP = 1e-14
"""Rounding of a score itself, in float64."""


@dataclass(frozen=True)
class ExitPoint:
    """One threshold and what it gives on the calibration data."""

    threshold: float
    """Bound of the score."""
    mean_steps: float
    """Mean number of steps used by an image."""
    accuracy: float
    """Share of right answers at the exits."""


@dataclass(frozen=True)
class ExitChoice(Tabular):
    """The threshold that was chosen, and what there was to choose from."""

    rule: ExitRule
    """The exit rule with the chosen threshold."""
    chosen: ExitPoint
    """Its point of the front."""
    front: tuple[ExitPoint, ...]
    """The Pareto front in order of the mean steps: every point is more accurate than all with fewer steps."""
    final: float
    """Accuracy without exits, after all steps."""
    images: int
    """Number of images."""
    labelled: bool
    """Whether right means the label; without labels it means the class after all steps."""

    def table(self) -> Table:
        """The front, by rising mean number of steps."""
        columns = (
            Column("threshold", "threshold", "", 6),
            Column("mean_steps", "mean T", "", 2),
            Column("accuracy", "top-1 %" if self.labelled else "same class as at the end %", "", 2, factor=100),
            Column("interval", "95 % interval", "", 1),
            Column("chosen", ""),
        )
        rows = tuple(
            (
                point.threshold,
                point.mean_steps,
                point.accuracy,
                shown_interval(point.accuracy, self.images),
                "chosen" if point == self.chosen else None,
            )
            for point in self.front
        )
        return Table("thresholds", f"thresholds of {self.rule.name()}", columns, rows, self.summary())

    def summary(self, data: str = "") -> str:
        """What was chosen, in one line.

        Args:
            data: where the images are from, to be named.
        """
        what = "top-1" if self.labelled else "same class as at the end"
        found = f"{percent(self.chosen.accuracy)} ({shown_interval(self.chosen.accuracy, self.images)})"
        images = counted(self.images, "image") + (data and f" of {data}")
        return (
            f"threshold chosen on {images}: {what} {found} (without exits {percent(self.final)})"
            f", mean T {self.chosen.mean_steps:.2f}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The documented object ``chosen`` of ``isospike evaluate --json``."""
        return {
            **asdict(self.chosen),
            "front": [asdict(point) for point in self.front],
            "final": self.final,
            "images": self.images,
            "labelled": self.labelled,
        }


@torch.no_grad()
@own_precision()
def choose_threshold(
    snn: SNN,
    data: Iterable[Any],
    *,
    steps: int,
    rule: ExitRule,
    max_drop: float = 0.0,
    executor: str | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: Progress = True,
) -> ExitChoice:
    """The threshold with the fewest steps that loses at most ``max_drop``, from one run per batch.

    With ``S_n(t)`` the surest score of sample ``n`` up to step ``t``, a threshold ``h`` lets it leave at step
    ``1 + #{t < T: S_n(t) <= h}``. So the sorted ``S_n(t)`` are all the thresholds at which anything changes, and
    running sums over them give the mean steps and the accuracy of every threshold, exactly. The threshold returned
    lies in the middle between two of them.

    The figures are those of the data they were chosen on. Use calibration data, never the images on which an accuracy
    is reported.

    Args:
        snn: a streaming network with one output ``[B, classes]``.
        data: batches ``(inputs [B, ...], labels [B])``, or of inputs alone.
        steps: the largest number of steps T.
        rule: the exit rule; its threshold is replaced.
        max_drop: accuracy that may be lost against all T steps, 0 to 1.
        executor: see `simulate`.
        memory_budget: see `simulate`.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.

    Raises:
        DataError: no batch, only some with labels, wrong labels, or the data's own code raised.
        OptionError: ``max_drop`` is out of its range, or the rule is for fewer steps.
        SimulationError: no `SNN`, or steps, inputs or rule do not fit the network.

    References:
        Li, Jones and Furber 2023, *Unleashing the Potential of Spiking Neural Networks with Dynamic Confidence*
        (threshold from the Pareto front).
    """
    if not isinstance(snn, SNN):
        raise SimulationError(f"the network is {with_article(snn)}; give what isospike.convert or load gives")
    check_exit(snn, rule)
    if not is_number(max_drop) or not 0 <= max_drop <= 1:
        raise OptionError(f"max_drop must be a number in [0, 1], got {max_drop!r}")
    if is_whole(steps):
        rule.check_steps(steps)
    seen = _Seen(compile(snn, executor), rule, steps)
    with reporting(progress) as report:
        for batch in told(stream(data), report, "choosing", of=data):
            inputs, labels = _parts(batch, class_count(snn.graph))
            seen.add(inputs, labels, memory_budget)
    return seen.choose(max_drop)


class _Seen:
    """Scores and classes after every step, of all batches."""

    def __init__(self, compiled: Compiled, rule: ExitRule, steps: int) -> None:
        self.compiled, self.readout = compiled, compiled.network.times.readout
        self.rule = rule
        self.steps = steps
        self.scores: list[Tensor] = []
        self.classes: list[Tensor] = []
        self.labels: list[Tensor | None] = []

    def add(self, inputs: Tensor, labels: Tensor | None, memory_budget: int) -> None:
        at = tuple(range(self.readout.probe + 1, self.steps + 1)) if is_whole(self.steps) else ()
        record = Record(outputs=False, at=at, spikes=False)
        run = self.compiled.run(inputs, steps=self.steps, record=record, memory_budget=memory_budget)
        start = self.readout.start
        self.scores.append(torch.stack([self.rule.score(run.answers[t], t - start(t)) for t in at]).cpu())
        self.classes.append(torch.stack([run.answers[t].argmax(1) for t in at]).cpu())
        self.labels.append(None if labels is None else labels.cpu())

    def choose(self, max_drop: float) -> ExitChoice:
        if not self.labels:
            raise DataError("the data hold no image; give at least one batch")
        labels = [part for part in self.labels if part is not None]
        if labels and len(labels) < len(self.labels):
            raise DataError("only some batches have labels; give all of them labels, or none")
        classes = torch.cat(self.classes, 1)
        right = classes == (torch.cat(labels) if labels else classes[-1])
        images = right.shape[1]
        final = int(right[-1].sum())
        front = exit_front(self.rule, torch.cat(self.scores, 1), right, first=self.readout.probe + 1)
        least = final - math.floor(max_drop * images + 1e-9)  # 0.29 * 100 is a little less than 29
        chosen = next(point for point in front if round(point.accuracy * images) >= least)
        rule = replace(self.rule, threshold=chosen.threshold)
        return ExitChoice(rule, chosen, front, final / images, images, labelled=bool(labels))


def exit_front(rule: ExitRule, scores: Tensor, right: Tensor, *, first: int = 1) -> tuple[ExitPoint, ...]:
    """The Pareto front over all thresholds of a rule; see `choose_threshold`.

    Args:
        rule: says which scores are sure.
        scores: after every step, float64 ``[T, N]``.
        right: whether the answer after every step is right: bool ``[T, N]``.
        first: the step of the first of them; steps that gave no answer lie before.
    """
    images = scores.shape[1]
    surest = (rule.sign * scores).cummax(0).values[:-1]
    bounds, order = surest.flatten().sort()
    gained = (right[1:].long() - right[:-1].long()).flatten()[order].cumsum(0)
    correct = right[0].sum() + F.pad(gained, (1, 0))
    used = images * first + torch.arange(len(correct))
    surely, never = rule.sign * (1 - rule.never), rule.sign * rule.never
    below, above = F.pad(bounds, (1, 0), value=surely), F.pad(bounds, (0, 1), value=never)
    thresholds = rule.sign * (below + above) / 2
    thresholds[-1] = rule.never
    wide = above - below > ROUNDING * (never - below) + LEAST_GAP
    wide[-1] = True
    thresholds, used, correct = thresholds[wide], used[wide], correct[wide]
    better = correct > F.pad(correct.cummax(0).values, (1, 0), value=-1)[:-1]
    found = zip(thresholds[better].tolist(), used[better].tolist(), correct[better].tolist(), strict=True)
    return tuple(ExitPoint(threshold, steps / images, hits / images) for threshold, steps, hits in found)


def _parts(batch: Any, classes: int | None) -> tuple[Tensor, Tensor | None]:
    """Inputs and, where there are any, labels."""
    if isinstance(batch, Tensor):
        return batch, None
    inputs, labels = labelled(batch)
    assert classes is not None
    check_range(labels, classes)
    return inputs, labels
