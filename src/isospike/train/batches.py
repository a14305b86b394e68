"""What a training reads: the images of an epoch in their order, as pairs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Sampler

from isospike.errors import TrainingError
from isospike.train.augment import derived_seed


def pair_of(batch: Any) -> tuple[Tensor, Tensor]:
    """Inputs and labels of a batch.

    Raises:
        TrainingError: it is no pair of tensors.
    """
    if not (isinstance(batch, tuple | list) and len(batch) == 2 and all(isinstance(part, Tensor) for part in batch)):
        raise TrainingError("the data must give pairs (input, label); with a teacher any whole number is a label")
    return batch[0], batch[1]


class EpochOrder(Sampler[int]):
    """The images of an epoch in their random order, which seed and epoch determine."""

    def __init__(self, count: int, length: int, seed: int) -> None:
        self.count, self.length, self.seed, self.epoch = count, length, seed, 0

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[int]:
        order = torch.Generator().manual_seed(derived_seed(self.seed, self.epoch))
        return iter(torch.randperm(self.count, generator=order)[: self.length].tolist())
