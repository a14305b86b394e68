"""Intervals of shares: what Wilson's equation asks of them, and how often they hold the truth."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isospike.intervals import Z, interval
from isospike.tasks.classification import TOP1


@given(images=st.integers(1, 10**6), data=st.data())
def test_the_ends_are_as_far_from_the_share_as_their_own_standard_error_allows(images, data):
    share = data.draw(st.integers(0, images)) / images
    low, high = interval(share, images)
    assert 0 <= low <= share + 1e-15
    assert share - 1e-15 <= high <= 1
    for end in (low, high):
        # an end at 0 or 1 is exact; elsewhere the roots of a quadratic equation, rounded
        distance = Z * math.sqrt(max(0.0, end * (1 - end)) / images)
        assert abs(share - end) == pytest.approx(distance, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize(("share", "images"), [(0.1, 100), (0.5, 40), (0.9, 200), (0.97, 500)])
def test_they_hold_the_truth_in_about_95_of_100_cases(share, images):
    """The exact probability, summed over all counts; Brown et al. 2001 print coverages between 0.93 and 0.97."""
    held = 0.0
    for count in range(images + 1):
        low, high = interval(count / images, images)
        if low <= share <= high:
            held += math.comb(images, count) * share**count * (1 - share) ** (images - count)
    assert 0.93 < held < 0.975


def test_better_than_guessing():
    assert not TOP1.beats(0.108, interval(0.108, 2000), chance=1 / 10)
    assert TOP1.beats(0.1425, interval(0.1425, 2000), chance=1 / 10)
    assert TOP1.beats(0.0, interval(0.0, 2000), chance=None)
