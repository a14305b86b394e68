"""The threshold of an exit rule, from the front of score against latency on calibration data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any

import torch
from torch import Tensor
from torch.nn import functional as F

from isospike.data.reading import Layout, looked_ahead, read_batches
from isospike.errors import SimulationError
from isospike.executors import DEFAULT_MEMORY_BUDGET, Compiled, ExitRule, Record, compile
from isospike.executors.leaving import check_exit
from isospike.inputs import Inputs
from isospike.intervals import shown_interval
from isospike.messages import counted, with_article
from isospike.network import SNN
from isospike.options import Share, check_arguments, is_whole
from isospike.precision import own_precision
from isospike.progress import Progress, reporting, told
from isospike.results import Among, Inner, Result, Shown, Stored, columns_of, row_of
from isospike.tables import Column, Table, Tabular
from isospike.tasks import Judge, Measure, choose_task
from isospike.units import percent

ROUNDING = 1e-5
"""Of the distance to certainty: float32 sums of another batch size move a score by less (near 1 the error of a
probability falls with its distance from 1)."""
LEAST_GAP = 1e-14
"""Rounding of a score itself, in float64."""


@dataclass(frozen=True)
class ExitPoint(Stored):
    """One threshold and what it gives on the calibration data."""

    threshold: Annotated[float, Shown("threshold", "", 6)]
    """Bound of the score."""
    mean_steps: Annotated[float, Shown("mean T", "", 2)]
    """Mean number of steps used by an image."""
    score: Annotated[float, Shown("score", "%", 2, factor=100)]
    """Share of right answers at the exits, 0 to 1."""


@dataclass(frozen=True)
class ExitChoice(Tabular, Result):
    """The threshold that was chosen, and what there was to choose from."""

    rule: Inner[ExitRule]
    """The exit rule with the chosen threshold."""
    chosen: Among[ExitPoint]
    """Its point of the front."""
    front: tuple[ExitPoint, ...]
    """The Pareto front in order of the mean steps: every point is right more often than all with fewer steps."""
    final: float
    """Share of right answers without exits, after all steps."""
    images: int
    """Number of images."""
    labelled: bool
    """Whether right means the target; without targets it means the answer after all steps."""
    measure: Inner[Measure]
    """What the share of right answers is called, by the task."""

    def table(self) -> Table:
        """The front, by rising mean number of steps."""
        points = columns_of(ExitPoint, score=Column("score", f"{self._what} %", "", 2, factor=100))
        columns = (*points, Column("interval", "95 % interval", "", 1), Column("chosen", ""))
        rows = tuple((*row_of(points, point), *self._beside(point)) for point in self.front)
        return Table("thresholds", f"thresholds of {self.rule.name()}", columns, rows, self.summary())

    def _beside(self, point: ExitPoint) -> tuple[str | None, str | None]:
        """The interval of a point, and whether it was chosen."""
        return shown_interval(point.score, self.images), "chosen" if point == self.chosen else None

    def summary(self, data: str = "") -> str:
        """What was chosen, in one line.

        Args:
            data: where the images are from, to be named.
        """
        found = f"{percent(self.chosen.score)} ({shown_interval(self.chosen.score, self.images)})"
        images = counted(self.images, "image") + (data and f" of {data}")
        return (
            f"threshold chosen on {images}: {self._what} {found} (without exits {percent(self.final)})"
            f", mean T {self.chosen.mean_steps:.2f}"
        )

    @property
    def _what(self) -> str:
        return self.measure.short if self.labelled else "same answer as at the end"


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
    layout: Layout | None = None,
) -> ExitChoice:
    """The threshold with the fewest steps that loses at most ``max_drop``, from one run per batch.

    With ``S_n(t)`` the surest score of sample ``n`` up to step ``t``, a threshold ``h`` lets it leave at step
    ``1 + #{t < T: S_n(t) <= h}``. So the sorted ``S_n(t)`` are all the thresholds at which anything changes, and
    running sums over them give the mean steps and the share of right answers of every threshold, exactly. The threshold
    returned lies in the middle between two of them.

    The figures are those of the data they were chosen on. Use calibration data, never the samples on which a score
    is reported.

    Args:
        snn: a streaming network whose task decides among alternatives, such as classes.
        data: batches ``(inputs [B, ...], targets)``, or of inputs alone; see `evaluate`.
        steps: the largest number of steps T.
        rule: the exit rule; its threshold is replaced.
        max_drop: share of right answers that may be lost against all T steps, 0 to 1.
        executor: see `simulate`.
        memory_budget: see `simulate`.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.
        layout: where the time of sequences is; ``batch-first`` for ``[B, T, ...]``.

    Raises:
        DataError: no batch, only some with targets, wrong targets, or the data's own code raised.
        OptionError: ``max_drop`` is out of its range, or the rule is for fewer steps.
        SimulationError: no `SNN`, or steps, inputs or rule do not fit the network.

    References:
        Li, Jones and Furber 2023, *Unleashing the Potential of Spiking Neural Networks with Dynamic Confidence*
        (threshold from the Pareto front).
    """
    if not isinstance(snn, SNN):
        raise SimulationError(f"the network is {with_article(snn)}; give what isospike.convert or load gives")
    check_exit(snn, rule)
    check_arguments(Share, max_drop=max_drop)
    known = steps if is_whole(steps) else None  # the run refuses what is none
    if known is not None:
        rule.check_steps(known)
    reading: dict[str, Any] = {"layout": layout, "steps": known, "names": snn.graph.input_names}
    first, batches = looked_ahead(read_batches(data, shape=snn.graph.input_shape, **reading))
    shapes = snn.graph.output_shapes
    judge = Judge(choose_task(None, shapes, stored=snn.task, targets=first.targets), shapes, snn.graph.output_names)
    seen = _Seen(compile(snn, executor), rule, judge, steps=steps)
    with reporting(progress) as report:
        for given in told(batches, report, "choosing", of=data):
            seen.add(given.inputs, judge.read(given.targets, given.samples), memory_budget)
    return seen.choose(max_drop)


class _Seen:
    """How sure the answers are after every step, and which are right, of all batches."""

    def __init__(self, compiled: Compiled, rule: ExitRule, judge: Judge, *, steps: int) -> None:
        self.compiled, self.readout = compiled, compiled.network.times.readout
        self.rule, self.judge, self.steps = rule, judge, steps
        self.scores: list[Tensor] = []
        self.right: list[Tensor] = []

    def add(self, inputs: Inputs, targets: Any, memory_budget: int) -> None:
        at = tuple(range(self.readout.probe + 1, self.steps + 1)) if is_whole(self.steps) else ()
        record = Record(outputs=False, at=at, spikes=False)
        run = self.compiled.run(inputs, steps=self.steps, record=record, memory_budget=memory_budget)
        start, task = self.readout.start, self.judge.task
        sure = [self.rule.score(task.logits(run.answers[t]), t - start(t)) for t in at]
        found = [task.decide(run.answers[t]) for t in at]
        self.scores.append(torch.stack(sure).cpu())
        wanted = found[-1] if targets is None else targets
        self.right.append(torch.stack([task.right(answers, wanted) for answers in found]).cpu())

    def _measure(self) -> Measure:
        """What a share of right answers is called: the first figure of the task's score."""
        return self.judge.score().measures[0]

    def choose(self, max_drop: float) -> ExitChoice:
        right = torch.cat(self.right, 1)
        images = right.shape[1]
        final = int(right[-1].sum())
        front = exit_front(self.rule, torch.cat(self.scores, 1), right, first=self.readout.probe + 1)
        least = final - math.floor(max_drop * images + 1e-9)  # 0.29 * 100 is a little less than 29
        chosen = next(point for point in front if round(point.score * images) >= least)
        rule = replace(self.rule, threshold=chosen.threshold)
        return ExitChoice(rule, chosen, front, final / images, images, bool(self.judge.labelled), self._measure())


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
