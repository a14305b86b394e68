"""Resize one image with Pillow and cut out its centre."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from isospike.data.library import optional_library
from isospike.errors import DataError


def resize_and_crop(
    image: npt.NDArray[np.uint8], shorter: int, crop: int, *, interpolation: str
) -> npt.NDArray[np.uint8]:
    """Bring the shorter side of ``[H, W, C]`` to ``shorter`` pixels, then keep the central square.

    Sizes and offsets are rounded as torchvision's ``Resize`` and ``CenterCrop`` round them.

    Returns:
        uint8 ``[crop, crop, C]``.

    Raises:
        DataError: Pillow is not installed.
    """
    pillow = optional_library("PIL.Image", "pillow", DataError)
    height, width, channels = image.shape
    size = (int(shorter * max(1, width / height)), int(shorter * max(1, height / width)))
    left, top = round((size[0] - crop) / 2), round((size[1] - crop) / 2)
    method = pillow.Resampling[interpolation.upper()]
    planes = [
        pillow.fromarray(np.ascontiguousarray(image[:, :, channel])).resize(size, method) for channel in range(channels)
    ]
    return np.stack([np.asarray(plane) for plane in planes], axis=2)[top : top + crop, left : left + crop]
