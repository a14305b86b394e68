"""The adaptive-layer metric against exact fractions, scipy and numpy's histogram."""

from __future__ import annotations

import math
from fractions import Fraction

import formulas
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from isospike.errors import CalibrationError, OptionError
from isospike.refine import metric_of_counts, metric_of_levels

ROUNDING = 1e-9
"""Relative: float64 central moments of counts up to some hundred; a mean near an end costs a few digits."""
laws = settings(deadline=None, max_examples=80, derandomize=True)
LEVELS = 7
samples = st.lists(st.integers(0, LEVELS), min_size=4, max_size=40)


def histogram(codes: list[int]) -> torch.Tensor:
    return torch.bincount(torch.tensor(codes), minlength=LEVELS + 1)


def close(got: float, expected: float) -> bool:
    return math.isclose(got, expected, rel_tol=ROUNDING, abs_tol=0)


@given(samples)
@laws
def test_levels_reading_is_that_of_the_samples(codes):
    assume(len(set(codes)) > 1)
    alpha = Fraction(1, 2 * 5)  # five sites
    got = metric_of_levels({str(i): histogram(codes) for i in range(5)})
    assert all(close(value, formulas.metric_of_levels(codes, LEVELS, alpha)) for value in got.values())


@given(samples)
@laws
def test_kurtosis_is_sarles_not_the_excess(codes):
    """K = G2 + 3 (n - 1)^2 / ((n - 2)(n - 3)), the denominator of the bimodality coefficient."""
    stats = pytest.importorskip("scipy.stats", reason="scipy comes with the demo extra")
    assume(len(set(codes)) > 1)
    n, alpha = len(codes), 1 / 8
    g2 = (stats.skew(codes) * ((n - 1) / n) ** 1.5) ** 2  # b1 of Joanes and Gill from their g1
    k = stats.kurtosis(codes, bias=False) + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))
    expected = float(formulas.agreement(codes, LEVELS, Fraction(1, 8))) * (g2 + 1) * k
    assert math.isclose(metric_of_levels({"a": histogram(codes)}, alpha)["a"], expected, rel_tol=1e-7, abs_tol=1e-12)


@given(samples)
@laws
def test_counts_reading_is_that_of_numpys_histogram(codes):
    """B bins between the smallest and the largest code hold the same counts in another order."""
    stats = pytest.importorskip("scipy.stats", reason="scipy comes with the demo extra")
    counts, _ = np.histogram(codes, bins=LEVELS + 1)
    assume(len(set(counts)) > 1)
    b = LEVELS + 1
    k = stats.kurtosis(counts) + 3 * b**2 / ((b - 2) * (b - 3))
    a = 1 - (sum(counts * b >= len(codes)) - 1) / (b - 1)
    expected = a * (stats.skew(counts) ** 2 + 1) * k
    assert math.isclose(metric_of_counts({"a": histogram(codes)})["a"], expected, rel_tol=1e-7, abs_tol=1e-12)


def test_a_normal_has_kurtosis_three():
    x = np.arange(65)
    weights = np.round(1e7 * np.exp(-((x - 32) ** 2) / (2 * 6.0**2))).astype(np.int64)
    counts = torch.from_numpy(weights)
    filled = int((weights >= 0.01 * weights.sum()).sum())
    # truncation at 5.3 deviations and counts of whole codes: a few parts in ten thousand
    assert math.isclose(metric_of_levels({"a": counts}, 0.01)["a"], 3 * (1 - (filled - 1) / 64), rel_tol=1e-3)


def test_the_readings_rank_layers_differently():
    low, middle = torch.tensor([70, 20, 10, 0, 0]), torch.tensor([0, 10, 70, 20, 0])
    by_levels, by_counts = (reading({"low": low, "middle": middle}) for reading in (metric_of_levels, metric_of_counts))
    assert by_counts["low"] == by_counts["middle"]  # the counts do not know their order
    assert by_levels["low"] > 2 * by_levels["middle"]  # alike in agreement and kurtosis, not in skewness


@pytest.mark.parametrize("reading", [metric_of_levels, metric_of_counts])
def test_the_metric_falls_from_one_peak_to_uniform(reading):
    peak, slope, flat = torch.tensor([940, 30, 20, 10, 0]), torch.tensor([400, 300, 200, 99, 1]), torch.full((5,), 200)
    metric = reading({"peak": peak, "slope": slope, "flat": flat})
    assert metric["peak"] > metric["slope"] > metric["flat"] == 0


def test_a_single_code_is_infinite_for_the_levels_and_largest_for_the_counts():
    single, almost = torch.tensor([0, 0, 100, 0, 0]), torch.tensor([0, 1, 99, 0, 0])
    assert metric_of_levels({"a": single, "b": almost})["a"] == math.inf
    by_counts = metric_of_counts({"a": single, "b": almost})
    assert math.isfinite(by_counts["a"])
    assert by_counts["a"] > by_counts["b"]


@pytest.mark.parametrize(
    ("reading", "counts", "alpha", "error", "text"),
    [
        (metric_of_levels, [1, 1, 1], None, CalibrationError, "site 'a' has 3 codes"),
        (metric_of_counts, [2, 0, 0, 1], None, CalibrationError, "site 'a' has 3 codes"),
        (metric_of_counts, [9, 5, 1], None, OptionError, "use the metric of the levels"),
        (metric_of_levels, [9, 5, 1], 0.0, OptionError, "alpha must be above 0"),
        (metric_of_levels, [9, 5, 1], 1.5, OptionError, "alpha must be above 0"),
        (metric_of_levels, [5, 5, 5, 5], 0.5, OptionError, "at most 0.25"),
    ],
)
def test_what_is_undefined_is_refused(reading, counts, alpha, error, text):
    with pytest.raises(error, match=text):
        reading({"a": torch.tensor(counts)}, alpha)
