"""The adaptive-layer metric: how few levels a layer of quantised activations needs.

``M = A (g^2 + 1) K``: agreement, skewness and kurtosis of the codes that a layer puts out. A large ``M`` says that the
codes crowd on a few levels. The paper leaves open whose moments ``g`` and ``K`` are, so there are two readings.

References:
    Ramesh and Srinivasan 2025, *PASCAL*, eq. 4 and 5 and figure 1; Joanes and Gill 1998 (``b1``, ``G2``); Van der Eijk
    2001 (agreement).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction

from torch import Tensor

from isospike.errors import CalibrationError, OptionError


def metric_of_levels(histograms: Mapping[str, Tensor], alpha: float | None = None) -> dict[str, float]:
    """The metric of every site, its samples being the codes themselves.

    With ``H`` the histogram, ``B`` its bins, ``n = sum H`` and ``m`` the mean code::

        A = 1 - (S - 1) / (B - 1)                    S = number of bins with H_i >= alpha n
        g = m3 / s^3                                 m3 = 1/n sum (x - m)^3,  s^2 = 1/(n - 1) sum (x - m)^2
        K = (n + 1) n / ((n - 1)(n - 2)(n - 3)) sum (x - m)^4 / s^4          not the excess: 3 for a normal

    A site whose codes are all equal gets infinity.

    Args:
        histograms: counts of the codes ``0 .. levels`` of every site, from `isospike.calibrate.codes.count_codes`.
        alpha: fraction of the codes from which a bin counts as filled, ``1 / (2 * number of sites)`` by default.

    Raises:
        OptionError: alpha is outside (0, 1] or so large that no bin of a site is filled.
        CalibrationError: a site has fewer than 4 codes.
    """
    share = Fraction(1, 2 * max(len(histograms), 1)) if alpha is None else Fraction(alpha)
    return {site: _metric_of_levels(site, h.tolist(), share) for site, h in histograms.items()}


def metric_of_counts(histograms: Mapping[str, Tensor], alpha: float | None = None) -> dict[str, float]:
    """The metric of every site, its samples being the ``B`` counts of the histogram.

    With ``c`` the counts, ``m_r = 1/B sum (c - mean c)^r``::

        A = 1 - (S - 1) / (B - 1)                    S = number of bins with H_i >= alpha sum H
        g = m3 / m2^(3/2)
        K = m4 / m2^2 - 3 + 3 B^2 / ((B - 2)(B - 3))

    Equal counts have no skewness; their agreement is 0, and so is their metric.

    Args:
        histograms: counts of the codes ``0 .. levels`` of every site, from `isospike.calibrate.codes.count_codes`.
        alpha: fraction of the codes from which a bin counts as filled, ``1 / B`` by default.

    Raises:
        OptionError: a site has fewer than 4 bins, or alpha is outside (0, 1] or so large that no bin is filled.
        CalibrationError: a site has fewer than 4 codes.
    """
    return {
        site: _metric_of_counts(site, h.tolist(), Fraction(1, len(h)) if alpha is None else Fraction(alpha))
        for site, h in histograms.items()
    }


def _metric_of_levels(site: str, counts: list[int], alpha: Fraction) -> float:
    agreement, n = _agreement(site, counts, alpha), sum(counts)
    mean = sum(x * h for x, h in enumerate(counts)) / n
    second, third, fourth = (math.fsum(h * (x - mean) ** r for x, h in enumerate(counts)) for r in (2, 3, 4))
    if max(counts) == n:
        return math.inf
    variance = second / (n - 1)
    skewness = third / n / math.pow(variance, 1.5)
    kurtosis = (n + 1) * n / ((n - 1) * (n - 2) * (n - 3)) * fourth / variance**2
    return agreement * (skewness**2 + 1) * kurtosis


def _metric_of_counts(site: str, counts: list[int], alpha: Fraction) -> float:
    bins = len(counts)
    if bins <= 3:
        raise OptionError(
            f"site '{site}' has {bins} codes, the metric of the counts needs 4; use the metric of the levels"
        )
    agreement = _agreement(site, counts, alpha)
    if min(counts) == max(counts):
        return 0.0
    mean = sum(counts) / bins
    second, third, fourth = (math.fsum((c - mean) ** r for c in counts) / bins for r in (2, 3, 4))
    skewness = third / math.pow(second, 1.5)
    kurtosis = fourth / second**2 - 3 + 3 * bins**2 / ((bins - 2) * (bins - 3))
    return agreement * (skewness**2 + 1) * kurtosis


def _agreement(site: str, counts: list[int], alpha: Fraction) -> float:
    """``1 - (S - 1) / (B - 1)``, in exact comparisons; 1 for a single filled bin, 0 when all are filled."""
    n = sum(counts)
    if n < 4:
        raise CalibrationError(f"site '{site}' has {n} codes, the metric needs at least 4; count more batches")
    if not 0 < alpha <= 1:
        raise OptionError(f"alpha must be above 0 and at most 1, got {float(alpha)!r}")
    filled = sum(count >= alpha * n for count in counts)
    if filled == 0:
        raise OptionError(
            f"no code of site '{site}' holds a share of alpha={float(alpha):.4g}; give an alpha of at most "
            f"{1 / len(counts):.4g}"
        )
    return 1 - (filled - 1) / (len(counts) - 1)
