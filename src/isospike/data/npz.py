"""``npz:FILE``: images and perhaps labels in one numpy archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from isospike.data.images import Images, Split, sources
from isospike.errors import DataError


def npz(argument: str, split: Split) -> Images:
    """``images`` uint8 ``[N, H, W, C]`` and optionally ``labels`` integer ``[N]``, for both splits.

    Other arrays of the archive are not read.

    Raises:
        DataError: the file is missing or damaged, or an array has a wrong name, type or shape.
    """
    return read_npz(Path(argument), f"npz:{argument}")


def read_npz(path: Path, name: str) -> Images:
    """Read one archive; arrays that would need unpickling are refused.

    Raises:
        DataError: the file is missing or damaged, or an array has a wrong name, type or shape.
    """
    if not path.is_file():
        raise DataError(f"there is no file '{path}'")
    arrays = _arrays(path)
    images, labels = arrays.get("images"), arrays.get("labels")
    if images is None:
        raise DataError(f"'{path}' has no array 'images'; expected images uint8 [N, H, W, C] and optionally labels [N]")
    if images.dtype != np.uint8 or images.ndim != 4:
        raise DataError(f"'{path}': images is {images.dtype} {list(images.shape)}; it must be uint8 [N, H, W, C]")
    if labels is not None and (labels.dtype.kind not in "iu" or labels.ndim != 1):
        raise DataError(f"'{path}': labels is {labels.dtype} {list(labels.shape)}; it must be int64 [{len(images)}]")
    if labels is not None and len(labels) != len(images):
        raise DataError(f"'{path}' has {len(images)} images but {len(labels)} labels; each image needs one")
    return Images(name, images, None if labels is None else labels.astype(np.int64), preprocess=None)


def _arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in ("images", "labels") if key in archive.files}
    except Exception as cause:  # damaged archives fail in many ways: zip, zlib, header, pickled objects
        raise DataError(f"'{path}' is not a readable .npz archive of plain arrays") from cause


sources.register("npz", npz)
