"""What a training reads: the images of an epoch in their order, as pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    Sampler,
    SequentialSampler,
)

from isospike.errors import TrainingError
from isospike.train.augment import derived_seed


def samples_of(data: Dataset[Any] | DataLoader[Any]) -> tuple[Dataset[Any], Callable[[Any], Any] | None]:
    """The samples by index of a data set or a loader, and how the loader makes a batch of several.

    Raises:
        TrainingError: there are no samples by index, they are batches, or the loader chooses among them.
    """
    samples = data.dataset if isinstance(data, DataLoader) else data
    if isinstance(samples, IterableDataset) or not (hasattr(samples, "__getitem__") and hasattr(samples, "__len__")):
        raise TrainingError("the data cannot be read by index; training takes a data set with a length, or its loader")
    if isinstance(data, DataLoader):
        _check_order(data)
        return samples, data.collate_fn
    if isinstance(samples, list | tuple) and samples and pair_of(samples[0])[1].dim():
        raise TrainingError(
            "the data are finished batches; training takes pairs (input, label), of which it makes them"
        )
    return samples, None


def _holds_several(pair: Any) -> bool:
    """Whether what should be one sample has a label for each of several."""
    return isinstance(pair, tuple | list) and len(pair) == 2 and isinstance(pair[1], Tensor) and pair[1].dim() > 0


def _check_order(loader: DataLoader[Any]) -> None:
    """Refuse a loader whose batches are its own, as those and the order of the images are the recipe's."""
    if loader.batch_sampler is None:
        raise TrainingError("the loader gives what its data set holds as batches; give it a batch size")
    samplers = (loader.batch_sampler, loader.sampler)
    own = [type(one).__name__ for one in samplers if type(one) not in (BatchSampler, SequentialSampler, RandomSampler)]
    if own or len(loader.sampler) != len(loader.dataset):  # type: ignore[arg-type]
        raise TrainingError(
            f"the loader has a {(own or ['RandomSampler'])[0]} of its own, but the order is the recipe's; choose "
            "images with torch.utils.data.Subset"
        )


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
