"""Accuracy against the number of steps, from one run to the largest."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isospike.errors import DataError, SimulationError
from isospike.memory_format import channels_last
from isospike.network import SNN
from isospike.simulate import DEFAULT_MEMORY_BUDGET, Record, simulate


@dataclass(frozen=True)
class Evaluation:
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
    """Wall time of the SNN runs."""

    def to_dict(self) -> dict[str, Any]:
        """The documented JSON object of ``isospike evaluate --json``."""
        snn = {
            str(steps): {"top1": self.metric[steps], "agreement": self.agreement[steps], "spikes": self.spikes[steps]}
            for steps in self.metric
        }
        return {"ann": {"top1": self.ann}, "snn": snn, "images": self.images, "seconds": self.seconds}


@torch.no_grad()
def evaluate(
    snn: SNN,
    loader: Iterable[Any],
    *,
    steps: Sequence[int] | None = None,
    executor: str | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Top-1 accuracy after each of ``steps`` steps, from one run to the largest.

    Args:
        snn: the network; its ANN (`SNN.ann`) is evaluated on the same images.
        loader: batches ``(inputs [B, ...], labels [B])``.
        steps: numbers of steps; an accumulate-then-emit network answers only at its own, which is the default.
        executor: see `simulate`.
        memory_budget: see `simulate`.
        progress: called with the number of images of every finished batch.

    Raises:
        DataError: no batch, or no labels.
        SimulationError: the steps or the inputs do not fit, or the output is not ``[B, classes]``.
    """
    at = _check_steps(snn, steps)
    ann, tally = snn.ann(), _Tally(at)
    for batch in loader:
        inputs, labels = _labelled(batch)
        started = time.perf_counter()
        record = Record(outputs=False, at=at)
        run = simulate(snn, inputs, steps=max(at), record=record, executor=executor, memory_budget=memory_budget)
        tally.seconds += time.perf_counter() - started
        logits = ann(channels_last(inputs))
        expected = _top1(logits)
        _check_range(labels, classes=logits.shape[1])
        tally.add(expected, {t: _top1(run.answers[t]) for t in at}, labels, run.spikes)
        if progress is not None:
            progress(len(labels))
    return tally.result()


class _Tally:
    """Counts over the batches."""

    def __init__(self, at: tuple[int, ...]) -> None:
        self.at = at
        self.images = self.ann = 0
        self.correct = dict.fromkeys(at, 0)
        self.agree = dict.fromkeys(at, 0)
        self.spikes = dict.fromkeys(at, 0)
        self.seconds = 0.0

    def add(self, ann: Tensor, snn: dict[int, Tensor], labels: Tensor, spikes: dict[str, Tensor]) -> None:
        labels = labels.to(ann.device)
        self.images += len(labels)
        self.ann += int((ann == labels).sum())
        for t in self.at:
            self.correct[t] += int((snn[t] == labels).sum())
            self.agree[t] += int((snn[t] == ann).sum())
            self.spikes[t] += sum(int(counts[:t].sum()) for counts in spikes.values())

    def result(self) -> Evaluation:
        n = self.images
        if n == 0:
            raise DataError("the data hold no image; give at least one batch")
        return Evaluation(
            metric={t: self.correct[t] / n for t in self.at},
            ann=self.ann / n,
            images=n,
            spikes={t: self.spikes[t] / n for t in self.at},
            agreement={t: self.agree[t] / n for t in self.at},
            seconds=self.seconds,
        )


def _check_steps(snn: SNN, steps: Sequence[int] | None) -> tuple[int, ...]:
    if steps is None and snn.steps is None:
        raise SimulationError("a streaming network answers at any number of steps; say at which with steps=[...]")
    steps = [snn.steps] if steps is None and snn.steps is not None else list(steps or ())
    wrong = [t for t in steps if isinstance(t, bool) or not isinstance(t, int) or t < 1]
    if wrong or not steps:
        raise SimulationError(f"steps must be whole numbers of at least 1, got {list(steps)}")
    return tuple(sorted(set(steps)))


def _labelled(batch: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(batch, (tuple, list)) or len(batch) < 2:
        raise DataError("the data have no labels; accuracy needs batches of (inputs, labels)")
    inputs, labels = batch[0], batch[1]
    if not isinstance(inputs, Tensor) or not isinstance(labels, Tensor):
        raise DataError(
            f"a batch is ({type(inputs).__name__}, {type(labels).__name__}); accuracy needs tensors (inputs, labels)"
        )
    whole = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
    if not whole or labels.shape != inputs.shape[:1]:
        raise DataError(
            f"labels are {labels.dtype} {list(labels.shape)} for {len(inputs)} images; they must be whole numbers [B]"
        )
    return inputs, labels


def _check_range(labels: Tensor, *, classes: int) -> None:
    if int(labels.min()) < 0 or int(labels.max()) >= classes:
        raise DataError(
            f"labels go from {int(labels.min())} to {int(labels.max())}, the network has classes 0 to {classes - 1}"
        )


def _top1(output: Any) -> Tensor:
    if not isinstance(output, Tensor) or output.dim() != 2:
        raise SimulationError("the network's output is not one tensor [B, classes]; top-1 accuracy does not apply")
    return output.argmax(1)
