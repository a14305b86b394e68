"""Points of accuracy as whole images."""

from __future__ import annotations


def images_of(points: float, images: int) -> int:
    """How many images so many points of accuracy are, rounded down: 0.5 points of 250 are 1."""
    return int(points / 100 * images + 1e-9)  # 0.29 * 100 is a little less than 29
