"""Which site gets how many levels, and when."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import isospike as iso
from isospike.refine import allocate_levels

laws = settings(deadline=None, max_examples=80, derandomize=True)
metrics = st.lists(st.integers(0, 400).map(lambda m: m / 8), min_size=3, max_size=9)
CHOICE = [8, 2, 4]


def allocated(values: list[float], levels: list[int] = CHOICE) -> list[int]:
    names = [f"site{i}" for i in range(len(values))]
    result = allocate_levels(dict(zip(names, values, strict=True)), levels)
    assert list(result) == names
    return list(result.values())


def spread(groups: list[list[float]]) -> float:
    return sum(sum((x - sum(group) / len(group)) ** 2 for x in group) for group in groups)


@given(metrics)
@laws
def test_clusters_are_the_best_of_all_partitions(values):
    assume(len(set(values)) >= len(CHOICE))
    x, got = sorted(values), allocated(values)
    cuts = itertools.combinations(range(1, len(x)), len(CHOICE) - 1)
    best = min(spread([x[a:b] for a, b in itertools.pairwise([0, *cut, len(x)])]) for cut in cuts)
    groups = [[v for v, level in zip(values, got, strict=True) if level == wanted] for wanted in CHOICE]
    assert all(groups)
    assert spread(groups) <= best + 1e-9 * (1 + best)  # sums of a few float64 squares


@given(metrics, st.randoms(use_true_random=False))
@laws
def test_a_higher_metric_never_has_more_levels(values, random):
    assume(len(set(values)) >= len(CHOICE))
    pairs = sorted(zip(values, allocated(values), strict=True))
    assert all(a[1] >= b[1] and (a[0] < b[0] or a[1] == b[1]) for a, b in itertools.pairwise(pairs))
    order = list(range(len(values)))
    random.shuffle(order)
    assert allocated([values[i] for i in order], CHOICE[::-1]) == [allocated(values)[i] for i in order]


@given(metrics, st.integers(0, 8))
@laws
def test_infinite_metrics_get_the_smallest_and_move_no_other(values, place):
    assume(len(set(values)) >= len(CHOICE))
    place = min(place, len(values))
    got = allocated([*values[:place], math.inf, *values[place:]])
    assert got[place] == min(CHOICE)
    assert got[:place] + got[place + 1 :] == allocated(values)


def test_from_codes_to_levels():
    """A crowded site gets fewer levels than spread ones, a silent site the fewest."""
    counts = {
        "spread": torch.tensor([20, 22, 18, 21, 19]),
        "crowded": torch.tensor([900, 60, 25, 10, 5]),
        "sloping": torch.tensor([300, 260, 220, 140, 80]),
        "silent": torch.tensor([1000, 0, 0, 0, 0]),
    }
    levels = allocate_levels(iso.refine.metric_of_levels(counts), [1, 4])
    assert levels == {"spread": 4, "crowded": 1, "sloping": 4, "silent": 1}


def test_one_choice_is_uniform():
    assert allocated([3.0, 1.0, 2.0], [4]) == [4, 4, 4]


@pytest.mark.parametrize(
    ("values", "levels", "text"),
    [
        ([1.0, 2.0], [], "levels must be distinct"),
        ([1.0, 2.0], [4, 4], "levels must be distinct"),
        ([1.0, 2.0], [0, 4], "levels must be distinct"),
        ([1.0, math.nan], [4], "metric of site1 is NaN"),
        ([1.0, 1.0, math.inf], [2, 4], "2 levels for 1 different"),
    ],
)
def test_what_cannot_be_allocated_is_refused(values, levels, text):
    with pytest.raises(iso.errors.OptionError, match=text):
        allocated(values, levels)
