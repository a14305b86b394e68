"""From stored images (uint8) to what a model takes (normalised float32)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isospike.data.resize import resize_and_crop
from isospike.errors import DataError, IsospikeError
from isospike.options import Configuration, Count, Part, Positive, Range, Some
from isospike.results import Stored

Finite = Annotated[float, Range()]


@dataclass(frozen=True)
class Preprocess(Configuration, Stored):
    """Resize, crop and normalise: ``(x * scale - mean) / std`` for each channel."""

    error: ClassVar[type[IsospikeError]] = DataError

    size: Count | None
    """Side of the square result in pixels; None keeps the images as they are."""
    mean: Annotated[tuple[Finite, ...], Some()]
    """One value for each channel, or one for all, in units of ``x * scale``."""
    std: Annotated[tuple[Positive, ...], Some()]
    """One value for each channel, or one for all, in units of ``x * scale``."""
    scale: Positive = 1 / 255
    """Factor on the stored values."""
    crop_ratio: Part = 1.0
    """Part of the resized shorter side that the centre crop keeps."""
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    """How pixels are resampled when an image is resized."""

    def __call__(self, images: npt.NDArray[np.uint8]) -> Tensor:
        """Normalise uint8 ``[N, H, W, C]`` into float32 ``[N, C, H', W']``.

        Images that already have the wanted size are not resized.

        Raises:
            DataError: not uint8 ``[N, H, W, C]``, or the channels do not fit mean and std.
        """
        if images.dtype != np.uint8 or images.ndim != 4:
            raise DataError(f"images are {images.dtype} {list(images.shape)}; they must be uint8 [N, H, W, C]")
        mean = self._per_channel("mean", self.mean, images.shape[3])
        std = self._per_channel("std", self.std, images.shape[3])
        if self.size is not None and images.shape[1:3] != (self.size, self.size):
            shorter = round(self.size / self.crop_ratio)
            images = np.stack(
                [resize_and_crop(x, shorter, self.size, interpolation=self.interpolation) for x in images]
            )
        pixels = torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))
        return (pixels.to(torch.float32) * self.scale - mean) / std

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocess:
        """The inverse of `to_dict`; fields with a default may be absent.

        Raises:
            DataError: a key is missing or unknown, or a value has a wrong type or range.
        """
        if not isinstance(values, Mapping):
            raise DataError(f"preprocess: expected a table of fields, got {type(values).__name__}")
        known = [field.name for field in fields(cls)]
        unknown = [str(key) for key in values if key not in known]
        missing = [key for key in ("size", "mean", "std") if key not in values]
        if unknown or missing:
            raise DataError(f"preprocess: missing keys {missing}, unknown keys {unknown}; known: {known}")
        return cls(**values)

    def _per_channel(self, field: str, values: tuple[float, ...], channels: int) -> Tensor:
        if len(values) not in (1, channels):
            raise DataError(f"the images have {channels} channels, but {field} has {len(values)} values")
        return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1)


IMAGENET = Preprocess(size=None, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
