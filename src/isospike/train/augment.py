"""Training images: a random view of each, which depends on seed, epoch and image alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from isospike.data.dataset import ImageDataset
from isospike.data.library import optional_library
from isospike.data.resize import resize_and_crop
from isospike.errors import DataError
from isospike.train.recipe import Recipe

Transform = Callable[[Tensor], Tensor]
DIGESTED = 16
"""Images whose pixels tell one data set from another."""
NO_LABEL = -1
"""What stands for a label where there is none."""


class AugmentedImages(Dataset[tuple[Tensor, int]]):
    """The images of a data set, cropped, flipped, recoloured and cut out as the recipe says for images of their size.

    The randomness of a view is seeded by ``(seed, epoch, image)``: it depends neither on the order nor on the number of
    processes, so that a resumed training sees what an uninterrupted one would have seen.

    Args:
        images: labelled images with their preprocessing.
        recipe: crop, flip, AutoAugment, colour jitter, cutout, random erasing and seed.

    Raises:
        DataError: the images have no labels and the recipe needs them, or torchvision is needed and missing.
    """

    def __init__(self, images: ImageDataset, recipe: Recipe) -> None:
        known = images.source.labels
        if known is None and not recipe.distillation:
            raise DataError(f"the images of '{images.source.name}' have no labels to train on; distillation needs none")
        self.labels: npt.NDArray[np.int64] = np.full(len(images), NO_LABEL) if known is None else known[images.order]
        self.preprocess = images.preprocess
        self._images, self._seed, self._epoch = images, recipe.seed, 0
        height, width = images.shape[1:]
        self.recipe = recipe.for_images(height, width)
        self._resized = self.recipe.crop == "resized"
        self._view = _view(self.recipe, (height, width))
        self._erase = _erase(self.recipe, (height, width))

    @property
    def digest(self) -> str:
        """A digest of labels, order, preprocessing and the first images: what a training is resumed with."""
        found = hashlib.sha256(repr(self.preprocess).encode())
        first = self._images.source.batch(self._images.order[:DIGESTED].tolist())
        for array in (self.labels, self._images.order, *first):
            found.update(np.ascontiguousarray(array).tobytes())
        return found.hexdigest()

    def __len__(self) -> int:
        return len(self._images)

    def set_epoch(self, epoch: int) -> None:
        """Every epoch has its own views."""
        self._epoch = epoch

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """One view float32 ``[C, H, W]`` and its label."""
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[tuple[Tensor, int]]:
        """Views of several images; the ``DataLoader`` calls this."""
        source = self._images.source.batch(self._images.order[list(indices)].tolist())
        with torch.random.fork_rng(devices=[]):
            return [(self._one(x, index), int(self.labels[index])) for x, index in zip(source, indices, strict=True)]

    def _one(self, image: npt.NDArray[np.uint8], index: int) -> Tensor:
        torch.manual_seed(derived_seed(self._seed, self._epoch, index))
        p = self.preprocess
        if p.size is not None and not self._resized and image.shape[:2] != (p.size, p.size):
            image = resize_and_crop(image, round(p.size / p.crop_ratio), p.size, interpolation=p.interpolation)
        view = self._view(torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))))
        pixels = replace(p, size=None)(view.permute(1, 2, 0).numpy()[None])[0]
        return self._erase(pixels)


def derived_seed(*parts: int) -> int:
    """One seed of 64 bits from several numbers."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0])


def _view(recipe: Recipe, size: tuple[int, int]) -> Transform:
    """Crop, flip, AutoAugment and colour jitter of one uint8 image ``[C, H, W]``."""
    chosen: list[Any] = []
    if recipe.crop == "padded":
        chosen.append(_v2().RandomCrop(size, padding=recipe.crop_padding))
    if recipe.crop == "resized":
        chosen.append(_v2().RandomResizedCrop(size, antialias=True))
    if recipe.flip:
        chosen.append(_v2().RandomHorizontalFlip())
    if recipe.auto_augment != "none":
        policy = _v2().AutoAugmentPolicy(recipe.auto_augment)
        chosen.append(_v2().AutoAugment(policy))
    if recipe.colour_jitter:
        factor = recipe.colour_jitter
        chosen.append(_v2().ColorJitter(brightness=factor, contrast=factor, saturation=factor))
    return _composed(chosen)


def _erase(recipe: Recipe, size: tuple[int, int]) -> Transform:
    """Cutout and random erasing of one normalised image ``[C, H, W]``: zeros, which are the mean colour."""
    chosen: list[Any] = []
    if recipe.cutout >= min(size):
        raise DataError(f"the images have {size[0]} x {size[1]} pixels; a cutout of {recipe.cutout} leaves nothing")
    if recipe.cutout:
        area = recipe.cutout**2 / (size[0] * size[1])
        chosen.append(_v2().RandomErasing(p=1.0, scale=(area, area), ratio=(1.0, 1.0), value=0))
    if recipe.random_erasing:
        chosen.append(_v2().RandomErasing(p=recipe.random_erasing, value=0))
    return _composed(chosen)


def _composed(transforms: list[Any]) -> Transform:
    def apply(x: Tensor) -> Tensor:
        for transform in transforms:
            x = transform(x)
        return x

    return apply


def _v2() -> Any:
    return optional_library("torchvision.transforms.v2", "torchvision", DataError)
