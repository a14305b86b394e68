"""What a network knew before it was trained, beside what it knows afterwards."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isospike.cli.render import in_percent
from isospike.errors import IsospikeWarning

COLLAPSE = 0.9
"""Part of the baseline below which a training has lost what the network knew, however few its levels are."""


@dataclass(frozen=True)
class BaselineScore:
    """Top-1 and the number of images that it was measured on."""

    top1: float
    images: int


@dataclass(frozen=True)
class Baseline:
    """The ANN before the training, on images on which the trained network is measured too."""

    batches: Iterable[Any]
    what: str
    """Of which kind the images are: ``training``, then they are not augmented, or ``test``."""
    ann: BaselineScore

    @classmethod
    def of(cls, network: Callable[[Tensor], Tensor], batches: Iterable[Any], what: str) -> Baseline | None:
        """The baseline of a network; ``None`` where the images have no labels."""
        ann = top1(network, batches)
        return None if ann is None else cls(batches, what, ann)

    def __str__(self) -> str:
        """One line."""
        return f"before the training: top-1 {in_percent(self.ann.top1)} % on {self.ann.images} {self.what} images"

    def to_dict(self, after: BaselineScore) -> dict[str, Any]:
        """As JSON has it, with the trained network's."""
        return {"of": self.what, "images": self.ann.images, "ann_top1": self.ann.top1, "top1": after.top1}

    def check(self, after: float) -> None:
        """Warn of a network that lost what the ANN knew."""
        if after < COLLAPSE * self.ann.top1:
            warnings.warn(
                f"the training lost what the network knew: top-1 {in_percent(after)} % on the {self.what} images, "
                f"{in_percent(self.ann.top1)} % before; try less augmentation, another --learning-rate or more levels",
                IsospikeWarning,
                stacklevel=2,
            )


@torch.inference_mode()
def top1(network: Callable[[Tensor], Tensor], batches: Iterable[Any]) -> BaselineScore | None:
    """Top-1 on labelled batches; ``None`` where they have no labels."""
    hits = count = 0
    for batch in batches:
        if isinstance(batch, Tensor):
            return None
        hits += int((network(batch[0]).argmax(1) == batch[1]).sum())
        count += len(batch[1])
    return BaselineScore(hits / count, count) if count else None
