"""What a network knew before it was trained, beside what it knows afterwards."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isospike.data.reading import read_batches
from isospike.errors import IsospikeWarning
from isospike.results import Result
from isospike.tasks import Judge, Measured, tensors_of
from isospike.train.objective import LEARNED

COLLAPSE = 0.9
"""Part of the baseline below which a training has lost what the network knew, however few its levels are."""


@dataclass(frozen=True)
class BeforeAndAfter(Result):
    """What a training made of a network, as JSON has it."""

    of: str
    """Of which kind the images are: ``training``, then they are not augmented, or ``test``."""
    images: int
    """Number of images."""
    ann_score: float
    """The score of the network before the training."""
    score: float
    """The score of the trained one."""


@dataclass(frozen=True)
class Baseline:
    """The ANN before the training, on images on which the trained network is measured too."""

    batches: Iterable[Any]
    what: str
    """Of which kind the images are: ``training``, then they are not augmented, or ``test``."""
    ann: Measured

    @classmethod
    def of(cls, network: Callable[[Tensor], Tensor], batches: Iterable[Any], what: str) -> Baseline | None:
        """The baseline of a network; ``None`` where the images have no targets."""
        ann = score_of(network, batches)
        return None if ann is None else cls(batches, what, ann)

    def __str__(self) -> str:
        """One line."""
        return f"before the training: {self.told(self.ann)}"

    def told(self, found: Measured) -> str:
        """A figure on these images, in words."""
        measure = found.measure
        return f"{measure.short} {measure.shown(found.value)} on {found.count} {self.what} images"

    def beside(self, after: Measured) -> BeforeAndAfter:
        """Both figures."""
        return BeforeAndAfter(self.what, self.ann.count, self.ann.value, after.value)

    def check(self, after: Measured) -> None:
        """Warn of a network that lost what the ANN knew."""
        if after.value < COLLAPSE * self.ann.value:
            measure = after.measure
            warnings.warn(
                f"the training lost what the network knew: {measure.short} {measure.shown(after.value)} on the "
                f"{self.what} images, {measure.shown(self.ann.value)} before; try less augmentation, another "
                "--learning-rate or more levels",
                IsospikeWarning,
                stacklevel=2,
            )


@torch.inference_mode()
def score_of(network: Callable[[Any], Tensor], batches: Iterable[Any]) -> Measured | None:
    """The score of what a training learns; ``None`` where the data have no targets."""
    score = None
    for given in read_batches(batches):
        if given.targets is None:
            return None
        outputs = network(given.inputs)
        judge = Judge(LEARNED, [tuple(output.shape[1:]) for output in tensors_of(outputs)])
        score = score or judge.score()
        score.update(judge.decide(outputs), judge.read(given.targets, given.samples))
    return None if score is None else score.value()
