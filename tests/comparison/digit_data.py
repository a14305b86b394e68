"""Digits in disjoint parts, and loaders that count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor

from isospike.data import open_data

Batch = tuple[Tensor, Tensor]


def calibration(images: int = 100) -> list[Batch]:
    """Training digits."""
    return list(open_data("digits", "calibration", preprocess=None, images=images, batch_size=50, shuffle=True))


def reported_images(first: int = 0, last: int = 120) -> list[Batch]:
    """Test digits ``first`` to ``last``, in batches of 40."""
    ((x, y),) = open_data("digits", "test", preprocess=None, batch_size=500, shuffle=False)
    return [(x[i : min(i + 40, last)], y[i : min(i + 40, last)]) for i in range(first, last, 40)]


class Counted:
    """Batches that know how often they were opened."""

    def __init__(self, batches: list[Any]) -> None:
        self.batches, self.opened = batches, 0

    def __iter__(self) -> Iterator[Any]:
        self.opened += 1
        return iter(self.batches)


SHORT = {
    "calibration-advanced": {"iterations": 2, "refine_images": 50},
    "calibration-light": {"refine_images": 50},
    "calibrated-buffered": {"refine_images": 50},
    "ftbc": {"iterations": 2},
    "local-threshold-balancing": {"iterations": 4},
    "spike-norm": {"calibration_steps": 8},
    "rmp": {"calibration_steps": 8},
}
"""Options of methods that calibrate long, for few images and steps."""
