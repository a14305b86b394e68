"""What ``isospike train`` learns from: images that are augmented, or finished batches of a Python file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, TensorDataset

from isospike.cli.data import OpenData
from isospike.data import Preprocess
from isospike.data.dataset import ImageDataset
from isospike.data.stream import stream
from isospike.errors import OptionError, TrainingError
from isospike.train import AugmentedImages, Recipe
from isospike.train.batches import pair_of, samples_of


@dataclass(frozen=True)
class TrainingData:
    """Training images, and the recipe as it is for them."""

    samples: Dataset[Any] | DataLoader[Any]
    """What `isospike.train.fit` takes."""
    count: int
    recipe: Recipe
    preprocess: Preprocess | None
    """``None`` for finished batches."""


def training_data(opened: OpenData, recipe: Recipe, spec: str) -> TrainingData:
    """The training images of a source.

    Of a ``DataLoader`` its data set is taken, other batches are kept in memory.

    Raises:
        OptionError: finished batches shall be augmented.
        TrainingError: they hold no pairs (input, label).
    """
    loader = opened.loader
    if isinstance(loader, DataLoader) and isinstance(loader.dataset, ImageDataset):
        images = AugmentedImages(loader.dataset, recipe)
        return TrainingData(images, len(images), images.recipe, images.preprocess)
    if recipe.augmentation() != "none":
        raise OptionError(f"'{spec}' gives finished batches, which take no {recipe.augmentation()}; augment them there")
    samples = loader if isinstance(loader, DataLoader) else _kept(loader, spec)
    count = len(samples_of(samples)[0])  # type: ignore[arg-type]
    return TrainingData(samples, count, replace(recipe, crop="none", flip=False), None)


def first_batches(loader: Iterable[Any], images: int) -> list[Any]:
    """Batches from the first on, as few as hold that number of images, or all."""
    return list(_first(loader, images))


def _first(loader: Iterable[Any], images: int) -> Iterator[Any]:
    seen = 0
    for batch in stream(loader):
        yield batch
        seen += len(batch if isinstance(batch, Tensor) else batch[0])
        if seen >= images:
            return


def _kept(batches: Iterable[Any], spec: str) -> TensorDataset:
    pairs = [pair_of(batch) for batch in stream(batches)]
    if not pairs:
        raise TrainingError(f"'{spec}' has no images")
    shapes = {inputs.shape[1:] for inputs, _ in pairs}
    if len(shapes) > 1 or any(labels.shape != inputs.shape[:1] for inputs, labels in pairs):
        raise TrainingError(f"the batches of '{spec}' must have inputs of one shape [B, ...] and labels [B]")
    return TensorDataset(*(torch.cat(parts) for parts in zip(*pairs, strict=True)))
