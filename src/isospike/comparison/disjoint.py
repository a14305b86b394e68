"""Images that choose, images that report and images that calibrate are not the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from isospike.errors import DataError

TOLERATED = 0.01
"""Share of common images: data sets hold a few images twice (small digits are equal by chance), a slip repeats many."""


def shared_images(sets: Mapping[str, Sequence[bytes]]) -> dict[str, int]:
    """How many images of the smaller one of every two sets are in the other too.

    Args:
        sets: digests of images by what they are for.

    Raises:
        DataError: more than one in a hundred.
    """
    found = {}
    for (one, a), (other, b) in combinations(sets.items(), 2):
        smaller, larger = sorted((a, b), key=len)
        common = sum(digest in set_of for set_of in [set(larger)] for digest in smaller)
        if common > TOLERATED * len(smaller):
            raise DataError(
                f"{common} of {len(smaller)} images are in the {one} and in the {other} images; "
                "what chooses must not report or calibrate: give other images (a function in a .py file is told which "
                "by a parameter named split)"
            )
        found[f"{one}-{other}"] = common
    return found
