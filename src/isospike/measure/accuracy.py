"""Accuracy against the number of steps, from one run to the largest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isospike.data.stream import stream
from isospike.errors import DataError, SimulationError
from isospike.executors import DEFAULT_MEMORY_BUDGET, ExitRule
from isospike.executors.leaving import check_exit, class_count
from isospike.intervals import NAME, shown_interval
from isospike.measure.exits import ExitEvaluation, ExitTally
from isospike.measure.tally import Tally, classes_of
from isospike.messages import counted, with_article
from isospike.network import SNN, asked_steps
from isospike.precision import own_precision
from isospike.progress import Progress, reporting, told
from isospike.tables import Column, Table, Tabular


@dataclass(frozen=True)
class Evaluation(Tabular):
    """The accuracy-against-T curve of one network on one data set."""

    metric: dict[int, float]
    """Top-1 accuracy (0 to 1) of the SNN after each number of steps."""
    ann: float
    """Top-1 accuracy (0 to 1) of the ANN it was converted from, on the same images."""
    images: int
    """Number of images."""
    spikes: dict[int, float]
    """Mean number of spikes per image, all sites together, after each number of steps."""
    agreement: dict[int, float]
    """Share of images on which SNN and ANN give the same class, after each number of steps."""
    seconds: float
    """Wall time of the SNN runs, without those with exits."""
    exit: ExitEvaluation | None = None
    """The same network with exits; ``None`` without a rule."""

    def table(self) -> Table:
        """The ANN, then each number of steps, each score beside its interval."""
        columns = (
            Column("steps", "T"),
            Column("top1", "top-1 %", "", 2, factor=100),
            Column("interval", "95 % interval", "", 1),
            Column("agreement", "same class as ANN %", "", 2, factor=100),
            Column("spikes", "spikes/image", "", 0),
        )
        ann = ("ANN", self.ann, shown_interval(self.ann, self.images), None, None)
        rows = tuple(
            (f"T={t}", top1, shown_interval(top1, self.images), self.agreement[t], self.spikes[t])
            for t, top1 in self.metric.items()
        )
        title = f"top-1 accuracy on {counted(self.images, 'image')}"
        exits = [] if self.exit is None else [f"with exits: {self.exit.summary()}"]
        return Table("evaluation", title, columns, (ann, *rows), "\n".join([f"{NAME}s", *exits]))

    def to_dict(self) -> dict[str, Any]:
        """The documented JSON object of ``isospike evaluate --json``."""
        snn = {
            str(steps): {"top1": self.metric[steps], "agreement": self.agreement[steps], "spikes": self.spikes[steps]}
            for steps in self.metric
        }
        found = {"ann": {"top1": self.ann}, "snn": snn, "images": self.images, "seconds": self.seconds}
        return found if self.exit is None else {**found, "exit": self.exit.to_dict()}


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
) -> Evaluation:
    """Top-1 accuracy after each number of ``steps``, from one run to the largest.

    A network that was calibrated for several numbers of steps runs once for each.

    Args:
        snn: the network; its ANN (`SNN.ann`) is evaluated on the same images.
        loader: batches ``(inputs [B, ...], labels [B])``.
        steps: one number of steps or several, each at least 1 and at most a million; an accumulate-then-emit network
            answers only at its own, a calibrated one at those it was calibrated for, which are the default.
        executor: see `simulate`.
        memory_budget: see `simulate`.
        progress: ``True`` shows how far it is on a terminal or in a notebook, after two seconds; a function is told
            what is being done, how much of it, and of how much (0: not known); ``False`` is silent.
        exit: measures the network in a second run with exits too, up to the largest of ``steps``.

    Raises:
        DataError: no batch, no or wrong labels, or the data's own code raised; the message names the batch.
        SimulationError: no `SNN`, the steps, the inputs or the exit rule do not fit, or the output is not
            ``[B, classes]``.
    """
    if not isinstance(snn, SNN):
        raise SimulationError(f"the network is {with_article(snn)}; evaluate takes what isospike.convert or load gives")
    at = asked_steps(snn, steps)
    classes = _classes(snn)
    if exit is not None:
        check_exit(snn, exit)
    exits = None if exit is None else ExitTally(exit, max(at))
    ann, tally, right = snn.ann(), Tally(snn, at, executor=executor, memory_budget=memory_budget), 0
    with reporting(progress) as report:
        for batch in told(stream(loader), report, "evaluating", of=loader):
            inputs, labels = labelled(batch)
            check_range(labels, classes)
            runs = tally.run(inputs)
            expected = classes_of(ann, inputs)
            tally.count(runs, labels, expected)
            right += int((expected == labels.to(expected.device)).sum())
            if exits is not None:
                exits.run(tally.compiled, inputs, expected, labels)
    return _evaluation(tally, right, exits)


def _evaluation(tally: Tally, right: int, exits: ExitTally | None) -> Evaluation:
    n = tally.images
    if n == 0:
        raise DataError("the data hold no image; give at least one batch")
    return Evaluation(
        metric={t: counts.correct / n for t, counts in tally.counts.items()},
        ann=right / n,
        images=n,
        spikes={t: counts.spikes / n for t, counts in tally.counts.items()},
        agreement={t: counts.agree / n for t, counts in tally.counts.items()},
        seconds=tally.seconds,
        exit=None if exits is None else exits.result(),
    )


def labelled(batch: Any) -> tuple[Tensor, Tensor]:
    """Inputs ``[B, ...]`` and labels ``[B]`` of a batch.

    Raises:
        DataError: they are missing, of another type, or do not fit each other.
    """
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise DataError("the data have no labels; accuracy needs batches of (inputs, labels)")
    inputs, labels = batch[0], batch[1]
    if not isinstance(inputs, Tensor) or not isinstance(labels, Tensor):
        raise DataError(
            f"a batch is ({type(inputs).__name__}, {type(labels).__name__}); accuracy needs tensors (inputs, labels), "
            "made with torch.as_tensor where they are arrays"
        )
    whole = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
    if not whole or labels.dim() != 1:
        raise DataError(f"labels are {labels.dtype} {list(labels.shape)}; they must be whole numbers [B]")
    if inputs.dim() == 0 or len(inputs) == 0:
        raise DataError(f"a batch of shape {list(inputs.shape)} holds no image; leave it out")
    if len(inputs) != len(labels):
        raise DataError(
            f"a batch has {counted(len(inputs), 'image')} and {counted(len(labels), 'label')}; each image needs one"
        )
    return inputs, labels


def check_range(labels: Tensor, classes: int) -> None:
    """Refuse labels that are no class.

    Raises:
        DataError: a label is negative or too large.
    """
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise DataError(
            f"labels go from {int(labels.min())} to {int(labels.max())}, the network has classes 0 to {classes - 1}"
        )


def _classes(snn: SNN) -> int:
    """Number of classes, from the shape of the network's output."""
    count = class_count(snn.graph)
    if count is None:
        raise SimulationError("the network's output is not one tensor [B, classes]; top-1 accuracy does not apply")
    return count
