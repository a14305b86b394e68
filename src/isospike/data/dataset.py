"""A torch data set that reads and preprocesses whole batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from isospike.data.images import Images
from isospike.data.preprocess import IMAGENET, Preprocess
from isospike.data.texts import TextDataset, Texts
from isospike.data.tokenise import Tokenise
from isospike.errors import DataError

Batch: TypeAlias = "tuple[Tensor, Tensor] | Tensor"


def as_is(batch: Any) -> Any:
    """Collate function for a data set that gives finished batches."""
    return batch


class ImageDataset(Dataset[Batch]):
    """The images of ``source`` at ``order``, preprocessed; labels follow where there are any."""

    preprocess: Preprocess
    """What is applied: the given one, else the source's own, else the default for the channels."""

    shape: torch.Size
    """Shape of one preprocessed image ``[C, H, W]``; of the first one where sizes differ."""

    def __init__(self, source: Images, order: npt.NDArray[np.int64], preprocess: Preprocess | None) -> None:
        first = source.batch([int(order[0])])[0]
        default = IMAGENET if first.shape[-1] == 3 else Preprocess(size=None, mean=(0.0,), std=(1.0,))
        self.preprocess = preprocess or source.preprocess or default
        self.source, self.order = source, order
        self.shape = self.preprocess(first[None]).shape[1:]

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> Batch:
        """One image float32 ``[C, H, W]``, with its label as an int64 scalar where there are labels."""
        batch = self.__getitems__([index])
        return (batch[0][0], batch[1][0]) if isinstance(batch, tuple) else batch[0]

    def __getitems__(self, indices: Sequence[int]) -> Batch:
        """The batch of these places in the order; the ``DataLoader`` calls this."""
        places = self.order[list(indices)]
        pixels = self._pixels(places)
        if self.source.labels is None:
            return pixels
        return pixels, torch.from_numpy(self.source.labels[places])

    def _pixels(self, places: npt.NDArray[np.int64]) -> Tensor:
        images = self.source.batch(places.tolist())
        if isinstance(images, np.ndarray):
            return self.preprocess(images)
        return torch.stack([self._one(image) for image in images])

    def _one(self, image: npt.NDArray[np.uint8]) -> Tensor:
        pixels = self.preprocess(image[None])[0]
        if pixels.shape != self.shape:
            raise DataError(
                f"the images of '{self.source.name}' differ in size ({list(pixels.shape[1:])} and "
                f"{list(self.shape[1:])} pixels); give --size to bring them to one"
            )
        return pixels


def dataset_of(
    source: Images | Texts, order: npt.NDArray[np.int64], how: Preprocess | Tokenise | None
) -> ImageDataset | TextDataset:
    """The images or texts of a source at ``order``, as a network takes them.

    Raises:
        DataError: texts without a tokenizer, images with one, or what it raises; images that differ in size.
    """
    if isinstance(source, Texts):
        if not isinstance(how, Tokenise):
            raise DataError(f"'{source.name}' holds texts; give the tokenizer of the model: --tokenizer tokenizer.json")
        return TextDataset(source, order, how)
    if isinstance(how, Tokenise):
        raise DataError(f"'{source.name}' holds images; a tokenizer is for texts, leave it out")
    return ImageDataset(source, order, how)
