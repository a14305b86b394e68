"""The score of a network against the number of steps, from one run to the largest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch

from isospike.data.reading import Given, Layout, looked_ahead, read_batches
from isospike.errors import SimulationError
from isospike.executors import DEFAULT_MEMORY_BUDGET, ExitRule
from isospike.executors.leaving import check_exit
from isospike.measure.evaluation import Evaluation
from isospike.measure.exits import ExitTally
from isospike.measure.tally import Tally, decided
from isospike.messages import with_article
from isospike.network import SNN, asked_steps
from isospike.precision import own_precision
from isospike.progress import Progress, Report, reporting, told
from isospike.tasks import Judge, TaskChoice, choose_task


@torch.no_grad()
@own_precision()
def evaluate(
    snn: SNN,
    loader: Iterable[Any],
    *,
    steps: int | Iterable[int] | None = None,
    executor: str | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: Progress = True,
    exit: ExitRule | None = None,
    task: TaskChoice = None,
    layout: Layout | None = None,
) -> Evaluation:
    """The score after each number of ``steps``, from one run to the largest; without targets the agreement alone.

    A network that was calibrated for several numbers of steps runs once for each.

    Args:
        snn: the network; its ANN (`SNN.ann`) is evaluated on the same samples.
        loader: batches ``(inputs [B, ...], targets)``, mappings with both, or inputs alone; or one of these. Sequences
            are ``[T, B, ...]``; the ANN sees the mean of their first steps, up to the largest of ``steps``.
        steps: one number of steps or several, each at least 1 and at most a million; an accumulate-then-emit network
            answers only at its own, a calibrated one at those it was calibrated for, which are the default.
        executor: see `simulate`.
        memory_budget: see `simulate`.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.
        exit: measures the network in a second run with exits too, up to the largest of ``steps``.
        task: what the answers are for, see `isospike.tasks`; by default what the network was converted for.
        layout: where the time of sequences is; ``batch-first`` for ``[B, T, ...]``.

    Raises:
        DataError: no batch, wrong targets, or the data's own code raised; the message names the batch.
        SimulationError: no `SNN`, or the steps, the inputs or the exit rule do not fit.
        TaskError: the task does not fit the outputs.
    """
    if not isinstance(snn, SNN):
        raise SimulationError(f"the network is {with_article(snn)}; evaluate takes what isospike.convert or load gives")
    at, shapes = asked_steps(snn, steps), snn.graph.output_shapes
    first, batches = looked_ahead(
        read_batches(loader, shape=snn.graph.input_shape, layout=layout, steps=max(at), names=snn.graph.input_names)
    )
    judge = Judge(choose_task(task, shapes, stored=snn.task, targets=first.targets), shapes, snn.graph.output_names)
    judged = snn.with_task(judge.task)
    tally = Tally(judged, judge, at, executor=executor, memory_budget=memory_budget)
    exits = None if exit is None else ExitTally(check_exit(judged, exit), judge, max(at))
    measuring = _Measuring(judged, judge, tally, exits)
    with reporting(progress) as report:
        measuring.run(batches, report, loader)
    return measuring.result()


@dataclass(frozen=True)
class _Measuring:
    """What is added up over the batches."""

    snn: SNN
    judge: Judge
    tally: Tally
    exits: ExitTally | None

    def run(self, batches: Iterator[Given], report: Report, data: Iterable[Any]) -> None:
        ann = self.snn.ann()
        for given in told(batches, report, "evaluating", of=data):
            targets = self.judge.read(given.targets, given.samples)
            runs = self.tally.run(given.inputs)
            expected = decided(self.judge, ann, given.still)
            self.tally.count(runs, targets, expected)
            if self.exits is not None:
                self.exits.run(self.tally.compiled, given.inputs, expected, targets=targets)

    def result(self) -> Evaluation:
        counts, samples = self.tally.counts, self.tally.samples
        labelled = bool(self.judge.labelled)
        return Evaluation(
            task=self.judge.task,
            scores={t: one.score.values() for t, one in counts.items()} if labelled else None,
            agreements={t: one.agreement.value() for t, one in counts.items()},
            ann_scores=self.tally.ann.values() if labelled else None,
            images=samples,
            spikes={t: one.spikes / samples for t, one in counts.items()},
            seconds=self.tally.seconds,
            exit=None if self.exits is None else self.exits.result(),
        )
