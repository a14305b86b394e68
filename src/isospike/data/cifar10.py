"""``cifar10:DIR``: CIFAR-10 as its usual Python batches, or as ``cifar10_{train,test}.npz``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from isospike.data.images import Images, Split, sources
from isospike.data.npz import read_npz
from isospike.data.plain_pickle import StoredArray, read_plain_pickle
from isospike.errors import DataError

_BATCHES = {"calibration": [f"data_batch_{number}" for number in range(1, 6)], "test": ["test_batch"]}
_ARCHIVE = {"calibration": "cifar10_train.npz", "test": "cifar10_test.npz"}


def cifar10(argument: str, split: Split) -> Images:
    """uint8 ``[N, 32, 32, 3]`` with labels; calibration is the training split.

    The batches may also lie in a subfolder ``cifar-10-batches-py``. No code of the files is run.

    Raises:
        DataError: the folder or the files of this split are missing or damaged.
    """
    folder, name = Path(argument), f"cifar10:{argument}"
    if not argument or not folder.is_dir():
        raise DataError(f"there is no folder '{argument}'; write cifar10:DIR")
    for place in (folder, folder / "cifar-10-batches-py"):
        paths = [place / batch for batch in _BATCHES[split]]
        if all(path.is_file() for path in paths):
            images, labels = zip(*map(_read_batch, paths), strict=True)
            return Images(name, np.concatenate(images), np.concatenate(labels), preprocess=None)
    archive = folder / _ARCHIVE[split]
    if not archive.is_file():
        looked_for = f"{', '.join(_BATCHES[split])} (also in cifar-10-batches-py) or {archive.name}"
        raise DataError(f"'{argument}' lacks the {split} split; looked for {looked_for}")
    return _checked(read_npz(archive, name), archive)


def _read_batch(path: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    content = read_plain_pickle(path)
    data, labels = content.get(b"data"), content.get(b"labels")
    if not isinstance(data, StoredArray) or data.values.ndim != 2 or data.values.shape[1] != 3072:
        raise DataError(f"'{path}': data must be a uint8 array [N, 3072]")
    if not isinstance(labels, list) or not all(type(label) is int and 0 <= label < 10 for label in labels):
        raise DataError(f"'{path}': labels must be a list of integers from 0 to 9")
    if len(labels) != len(data.values):
        raise DataError(f"'{path}' has {len(data.values)} images but {len(labels)} labels")
    images = data.values.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return images, np.array(labels, dtype=np.int64)


def _checked(images: Images, path: Path) -> Images:
    shape = np.shape(images.images)
    if shape[1:] != (32, 32, 3) or images.labels is None:
        raise DataError(f"'{path}': expected images [N, 32, 32, 3] with labels, got images {list(shape)}")
    return images


sources.register("cifar10", cifar10)
