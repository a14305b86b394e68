"""``digits``: the 1,797 handwritten digits of 8 x 8 pixels that come with scikit-learn."""

from __future__ import annotations

import numpy as np

from isospike.data.images import Images, Split, sources
from isospike.data.library import optional_library
from isospike.data.preprocess import Preprocess
from isospike.errors import DataError

TEST_IMAGES = 500


def digits(argument: str, split: Split) -> Images:
    """uint8 ``[N, 8, 8, 1]`` with values 0 to 16: 1,297 for calibration and training, 500 to test.

    The split is drawn once with a fixed seed, from a generator whose stream numpy keeps unchanged.

    Raises:
        DataError: an argument was given, or scikit-learn is not installed.
    """
    if argument:
        raise DataError(f"digits takes no argument, got '{argument}'; write: digits")
    stored = optional_library("sklearn.datasets", "scikit-learn", DataError).load_digits()
    order = np.random.RandomState(0).permutation(len(stored.images))
    chosen = order[:TEST_IMAGES] if split == "test" else order[TEST_IMAGES:]
    return Images(
        name="digits",
        images=stored.images[chosen, :, :, None].astype(np.uint8),
        labels=stored.target[chosen].astype(np.int64),
        preprocess=Preprocess(size=None, mean=(0.0,), std=(1.0,), scale=1 / 16),
    )


sources.register("digits", digits)
