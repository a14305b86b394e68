"""Confidence intervals of shares of images."""

from __future__ import annotations

import math

Z = 1.959963984540054
"""The 97.5 % point of the normal distribution: intervals of 95 %."""
NAME = "95 % Wilson interval"
"""What the intervals are called."""


def interval(share: float, images: int) -> tuple[float, float]:
    """The 95 % Wilson interval of a share that was counted on a number of images.

    The shares ``p`` whose own standard error does not rule out what was seen: the two ends solve
    ``|share - p| = z sqrt(p (1 - p) / n)``, ``z = 1.96``. Unlike ``share ± z SE`` it stays within 0 and 1 and holds its
    level for shares near 0 and 1 and few images.

    Args:
        share: 0 to 1.
        images: number of images n, at least 1.

    References:
        Wilson 1927, *Probable Inference, the Law of Succession, and Statistical Inference*; Brown, Cai and DasGupta
        2001, *Interval Estimation for a Binomial Proportion*.
    """
    weight = Z * Z / images
    middle = (share + weight / 2) / (1 + weight)
    half = math.sqrt(weight * (share * (1 - share) + weight / 4)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)


def shown_interval(share: float | None, images: int) -> str | None:
    """The interval in per cent, ``90.6 to 93.0``; nothing where there is no share."""
    if share is None:
        return None
    low, high = interval(share, images)
    return f"{100 * low:.1f} to {100 * high:.1f}"
