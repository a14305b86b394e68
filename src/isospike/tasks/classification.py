"""Classification: one class for each sample."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
from torch import Tensor

from isospike.errors import DataError, TaskError
from isospike.intervals import NAME, interval
from isospike.messages import counted, with_article
from isospike.ops import family
from isospike.tasks.confusion import F1, MATTHEWS, SHARE, TOP1, Confusion
from isospike.tasks.measure import Interval, Measure, Measured
from isospike.tasks.task import Score, Shapes, Task, register_task, shown_shapes, tensors_of

SAME = Measure(key="same_class", name="Same class as the ANN", short="same class as ANN", interval=NAME, **SHARE)


class ShareRight(Score):
    """The share of right decisions.

    Args:
        measure: what it is called.
        classes: number of classes.
    """

    def __init__(self, measure: Measure, classes: int) -> None:
        self.measures, self.classes = (measure,), classes
        self.hits = self.count = 0

    def update(self, answers: Tensor, references: Tensor) -> None:
        """Add classes ``[B]`` beside the right ones."""
        self.hits += int((answers == references.to(answers.device)).sum())
        self.count += len(answers)

    def merge(self, other: Self) -> None:
        """Add what another score has seen."""
        self.hits += other.hits
        self.count += other.count

    def values(self) -> tuple[Measured, ...]:
        """The share, with its Wilson interval; guessing is right on one of as many as there are classes."""
        if not self.count:
            raise DataError("the data hold no sample; give at least one batch")
        share = self.hits / self.count
        return (Measured(self.measures[0], share, self.count, interval(share, self.count), 1 / self.classes),)


@register_task
@dataclass(frozen=True)
class Classification(Task):
    """One class for each sample, the largest of the outputs ``[B, classes]``; of one output, its sign.

    The score is top-1 accuracy; with ``measure`` it is F1 (of class 1, of more than two classes the mean over them) or
    Matthews' correlation coefficient, as texts are judged with, and the accuracy beside it. The agreement is the share
    of samples with the ANN's class. Shares of samples have the 95 % Wilson interval. Targets are whole numbers ``[B]``
    from 0. A network with one output ``[B]`` or ``[B, 1]`` is a binary classifier only when this task is given by name:
    class 1 where the output is positive, so it must be the logit, before a sigmoid; its targets may also be truth
    values, or the numbers 0.0 and 1.0, ``[B]`` or ``[B, 1]``. ``max_drop`` is in points: hundredths of the share.
    """

    tail = frozenset({family.NORMALISE})
    measure: Literal["top1", "f1", "matthews"] = "top1"
    """The figure that networks are ranked by."""

    @classmethod
    def expects(cls, shapes: Shapes) -> bool:
        """One output ``[B, classes]`` with two classes or more."""
        return len(shapes) == 1 and len(shapes[0]) == 1 and shapes[0][0] > 1

    def check_outputs(self, shapes: Shapes) -> None:
        """One output ``[B, classes]``, or one number."""
        if len(shapes) != 1 or len(shapes[0]) > 1 or 0 in shapes[0]:
            takes = "one output [B, classes], or [B] or [B, 1] whose sign decides"
            raise self._refuse_outputs(takes, shapes, "give task='regression', or another task")

    def check_ending(self, shapes: Shapes, kinds: Sequence[str]) -> None:
        """One output must be a logit: the sign of a sigmoid is always positive."""
        if _is_binary(shapes) and "sigmoid" in kinds:
            raise TaskError(
                "the network ends in a sigmoid, whose values are all positive, and the sign of one output decides "
                "between two classes: leave the sigmoid out, the sign of what it reads decides the same"
            )

    def alternatives(self, shapes: Shapes) -> int:
        """The number of classes."""
        return 2 if _is_binary(shapes) else shapes[0][0]

    def decide(self, outputs: Any) -> Tensor:
        """The classes ``[B]``: the largest output; of one output 1 where it is positive, else 0."""
        (output,) = tensors_of(outputs)
        if output.dim() == 1 or output.shape[1] == 1:
            return (output.flatten() > 0).long()
        return output.argmax(1)

    def logits(self, outputs: Any) -> Tensor:
        """The outputs ``[B, classes]``; of one output ``y`` the pair ``(0, y)``, whose softmax is its sigmoid."""
        (output,) = tensors_of(outputs)
        if output.dim() == 1 or output.shape[1] == 1:
            positive = output.reshape(-1, 1)
            return torch.cat([torch.zeros_like(positive), positive], 1)
        return output

    def right(self, answers: Tensor, references: Tensor) -> Tensor:
        """Where the classes are equal."""
        return answers == references.to(answers.device)

    def score(self, shapes: Shapes) -> Score:
        """Top-1 accuracy, or the chosen figure and this."""
        chosen = {one.key: one for one in (F1, MATTHEWS)}.get(self.measure)
        classes = self.alternatives(shapes)
        return ShareRight(TOP1, classes) if chosen is None else Confusion(chosen, classes)

    def agreement(self, shapes: Shapes) -> ShareRight:
        """The share of samples with the ANN's class."""
        return ShareRight(SAME, self.alternatives(shapes))

    def spread(self, agreement: float, interval: Interval | None, samples: int) -> float:
        """``sqrt((1 - agreement) / n)``: only samples on which the classes differ change the difference of shares."""
        if self.measure != TOP1.key:
            return super().spread(agreement, interval, samples)
        return math.sqrt((1 - agreement) / samples)

    def read_targets(self, targets: Any, shapes: Shapes, samples: int) -> Tensor:
        """Whole numbers ``[B]`` from 0 to the number of classes less one."""
        if not isinstance(targets, Tensor):
            raise DataError(
                f"the labels are {with_article(targets)}; classification takes a tensor [B], made with torch.as_tensor "
                "where they are arrays"
            )
        labels = _of_one_output(targets) if _is_binary(shapes) else targets
        whole = not (labels.is_floating_point() or labels.is_complex() or labels.dtype == torch.bool)
        if not whole or labels.dim() != 1:
            raise DataError(
                f"labels are {labels.dtype} {list(labels.shape)}; classification takes whole numbers [B]"
                + _hint(targets, shapes)
            )
        if len(labels) != samples:
            raise DataError(
                f"a batch has {counted(samples, 'sample')} and {counted(len(labels), 'label')}; each sample needs one"
            )
        classes = self.alternatives(shapes)
        if int(labels.min()) < 0 or int(labels.max()) >= classes:
            raise DataError(
                f"labels go from {int(labels.min())} to {int(labels.max())}, the network has classes 0 to {classes - 1}"
            )
        return labels


def _is_binary(shapes: Shapes) -> bool:
    return shapes[0] in ((), (1,))


def _of_one_output(targets: Tensor) -> Tensor:
    """Truth values, or 0.0 and 1.0, ``[B]`` or ``[B, 1]``, as whole numbers ``[B]``; others as they are."""
    flat = targets.flatten() if targets.dim() == 2 and targets.shape[1] == 1 else targets
    two = flat.dtype == torch.bool or (flat.is_floating_point() and bool(((flat == 0) | (flat == 1)).all()))
    return flat.long() if two else flat


def _hint(targets: Tensor, shapes: Shapes) -> str:
    """What else such targets may be, and what to do with them."""
    if targets.shape[1:] != tuple(shapes[0]):
        return "; squeeze(1) makes labels [B] of [B, 1]" if targets.dim() == 2 and targets.shape[1] == 1 else ""
    values = f"; values {shown_shapes(shapes)} are for task='regression'" if targets.is_floating_point() else ""
    return values + ("; argmax(1) makes labels of one-hot rows" if targets.dim() == 2 else "")
