"""``imagefolder:DIR``: image files, one subfolder for each class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import numpy.typing as npt

from isospike.data.images import Images, Split, sources
from isospike.data.library import optional_library
from isospike.errors import DataError
from isospike.messages import warn

LARGEST_16_BIT = 2**16 - 1
SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp"})


class ImageFiles(Sequence[npt.NDArray[np.uint8]]):
    """Image files, each read as RGB when it is asked for."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> npt.NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, index: slice) -> ImageFiles: ...
    def __getitem__(self, index: int | slice) -> npt.NDArray[np.uint8] | ImageFiles:
        """The image uint8 ``[H, W, 3]`` at ``index``, or the files of a slice.

        Raises:
            DataError: the file cannot be read as an image.
        """
        if isinstance(index, slice):
            return ImageFiles(self._paths[index])
        pillow = optional_library("PIL.Image", "pillow", DataError)
        try:
            with pillow.open(self._paths[index]) as image:
                return _rgb(image)
        except DataError as error:
            raise DataError(f"'{self._paths[index]}' {error}") from error
        except Exception as cause:  # each format's decoder has errors of its own
            raise DataError(f"'{self._paths[index]}' cannot be read as an image") from cause


def _rgb(image: Any) -> npt.NDArray[np.uint8]:
    """The pixels of a Pillow image as ``[H, W, 3]``; 16 bits become 8 as ``v / 257``, rounded.

    Pillow itself would cut them off at 255, and nearly all were white. Transparency is dropped, as torchvision does.

    Raises:
        DataError: the image has floats, or whole numbers beyond 16 bits, whose range nothing says.
    """
    if image.mode == "F":
        raise DataError("has pixels that are floats, whose range nothing says; save it with 8 or 16 bits")
    if not image.mode.startswith("I"):
        return np.array(image.convert("RGB"), dtype=np.uint8)
    values = np.array(image).astype(np.int64)
    if values.min() < 0 or values.max() > LARGEST_16_BIT:
        raise DataError(
            f"has pixels from {values.min()} to {values.max()}, which are not of 16 bits; save it with 8 or 16"
        )
    grey = ((values + 128) // 257).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def imagefolder(argument: str, split: Split) -> Images:
    """The files in class folders (labels by sorted name), or unlabelled files without subfolders.

    Both splits give the same images; files may lie deeper within a class folder. A folder without an image is a class
    too, so that the labels stay those of the sorted names; a warning says so.

    Raises:
        DataError: there is no such folder, or no image in it.
    """
    folder = Path(argument)
    if not argument or not folder.is_dir():
        raise DataError(f"there is no folder '{argument}'; write imagefolder:DIR")
    classes = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    found = [(path, label) for label, place in enumerate(classes) for path in _image_files(place)]
    if not classes:
        found = [(path, 0) for path in _image_files(folder)]
    if not found:
        raise DataError(f"'{folder}' has no image; looked for {' '.join(sorted(SUFFIXES))}")
    filled = {label for _, label in found}
    empty = [f"'{place.name}' (label {label})" for label, place in enumerate(classes) if label not in filled]
    if empty:
        warn(f"'{folder}' has folders without an image, which count as classes all the same: {', '.join(empty)}")
    labels = np.array([label for _, label in found], dtype=np.int64) if classes else None
    return Images(f"imagefolder:{argument}", ImageFiles([path for path, _ in found]), labels, preprocess=None)


def _image_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


sources.register("imagefolder", imagefolder)
