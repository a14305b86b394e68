"""The MMSE threshold against a search over the raw samples, and its laws."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import pytest
import torch
from formulas import quantisation_error
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import isospike as iso
from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import collect_scales
from isospike.graphs import Op, Role
from isospike.scales import MMSERule, rules
from isospike.scales.mmse import TOGETHER

BINS, CANDIDATES = 256, 20
HALF, ZERO = Fraction(1, 2), Fraction(0)
ROUNDING = 1e-12
"""Of the largest value: float64 divisions and sums over a few hundred bins."""

values = st.lists(st.floats(-1, 1).map(lambda x: 3 * round(x, 4) ** 3), min_size=1, max_size=60).filter(
    lambda v: max(v) > 0
)
levels = st.integers(1, 20)
laws = settings(deadline=None, max_examples=60, derandomize=True)


def site(*shape: int) -> Op:
    return Op("relu", "relu", Role.ACTIVATION, "", "", shape)


def threshold(parts: list[Tensor], rule: MMSERule, activation: nn.Module | None = None) -> Tensor:
    observer = rule.observer(site(*parts[0].shape[1:]), activation or nn.ReLU())
    for part in parts:
        observer(part)
    return observer.scale()


def rule(levels: int = 7, phase: float = 0.5, granularity: str = "layer", bins: int = BINS) -> MMSERule:
    return MMSERule(granularity, levels, phase, CANDIDATES, bins)


def column(samples: list[float]) -> Tensor:
    return torch.tensor(samples, dtype=torch.float64).unsqueeze(1)


def rectified(samples: list[float]) -> list[Fraction]:
    return [max(Fraction(x), ZERO) for x in samples]


def candidates(largest: float, count: int) -> list[Fraction]:
    return [Fraction(largest * (i / count)) for i in range(1, count + 1)]


def bin_width(largest: float) -> float:
    return 2.0 ** math.ceil(math.log2(largest)) / BINS


@given(values, levels)
@laws
def test_rounding_is_within_a_bin_of_the_best_candidate(samples, levels):
    """The distance to the nearest level is 1-Lipschitz in x, and a centre is half a bin from its values."""
    found = Fraction(threshold([column(samples)], rule(levels)).item())
    x, largest = rectified(samples), max(samples)
    assert found in candidates(largest, CANDIDATES)
    best = min(quantisation_error(x, v, levels, HALF) for v in candidates(largest, CANDIDATES))
    bound = bin_width(largest) + ROUNDING * largest
    assert quantisation_error(x, found, levels, HALF) <= best + bound


@given(values, levels)
@laws
def test_rounding_is_near_the_best_of_all_thresholds(samples, levels):
    """The levels, so the root of the mean squared error, move no faster than the threshold."""
    found = Fraction(threshold([column(samples)], rule(levels)).item())
    x, largest = rectified(samples), max(samples)
    best = min(quantisation_error(x, v, levels, HALF) for v in candidates(largest, 101))
    bound = bin_width(largest) + largest / CANDIDATES + ROUNDING * largest
    assert quantisation_error(x, found, levels, HALF) <= best + bound


@given(values, levels, st.sampled_from([0, 2**-12, 0.25, 0.5 + 2**-12, 0.75]))
@laws
def test_another_phase_is_within_the_jumps_in_cut_bins(samples, levels, phase):
    """A value in a bin without a step is half a bin from its centre, one in a cut bin a jump more."""
    found = Fraction(threshold([column(samples)], rule(levels, phase)).item())
    x, largest, phi = rectified(samples), max(samples), Fraction(phase)
    width = Fraction(bin_width(largest))

    def uncertainty(theta: Fraction) -> float:
        unit = theta / levels
        positions = [(math.ceil(v / width) - 1) * width / unit + phi for v in x if v > 0]  # of the lower ends, in steps
        cut = sum(math.floor(low) != math.floor(low + width / unit) for low in positions)
        return float(width) / 2 + abs(1 - 2 * phase) * float(unit) * math.sqrt(cut / len(x))

    errors = {v: quantisation_error(x, v, levels, phi) for v in candidates(largest, CANDIDATES)}
    best = min(errors, key=lambda v: errors[v] + uncertainty(v))
    bound = uncertainty(best) + uncertainty(found) + ROUNDING * largest
    assert errors[found] <= errors[best] + bound


@given(values, levels, st.sampled_from([2**-12, 0.25, 0.5 + 2**-12]))
@laws
def test_of_few_values_the_best_candidate_is_found_for_any_phase(samples, levels, phase):
    """No more values than bins are kept as they are; the centre of a bin may lie on the other side of a step.

    A guard of 2^-12 keeps the largest value, which a step of many candidates meets exactly, away from rounding.
    """
    found = Fraction(threshold([column(samples)], rule(levels, phase)).item())
    x, largest = rectified(samples), max(samples)
    best = min(quantisation_error(x, v, levels, Fraction(phase)) for v in candidates(largest, CANDIDATES))
    assert quantisation_error(x, found, levels, Fraction(phase)) <= best + ROUNDING * largest


@given(values, levels, st.sampled_from([0, 0.5]), st.integers(-20, 20))
@laws
def test_threshold_scales_with_the_currents(samples, levels, phase, exponent):
    x = column(samples)
    scaled = threshold([x * 2.0**exponent], rule(levels, phase))
    assert torch.equal(scaled, threshold([x], rule(levels, phase)) * 2.0**exponent)  # powers of two do not round


@given(st.lists(values, min_size=1, max_size=5), st.sampled_from([0, 0.5]), st.randoms(use_true_random=False))
@laws
def test_stream_in_any_order_equals_one_batch(parts, phase, random):
    shuffled = list(parts)
    random.shuffle(shuffled)
    whole = threshold([torch.cat([column(part) for part in parts])], rule(phase=phase))
    assert torch.equal(threshold([column(part) for part in shuffled], rule(phase=phase)), whole)


@pytest.mark.parametrize("phase", [0, 0.5])
def test_a_channel_is_searched_like_a_layer_of_its_own(phase):
    count = TOGETHER + 3
    x = torch.randn(6, count, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x *= torch.linspace(0.1, 40, count).view(count, 1, 1)
    together = threshold([x], rule(phase=phase, granularity="channel"))
    alone = [threshold([x[:, c : c + 1]], rule(phase=phase)) for c in range(count)]
    assert together.shape == (count, 1, 1)
    assert together.flatten().tolist() == [theta.item() for theta in alone]


def test_more_levels_cost_less_error():
    """Twice the levels hold every level of before, so the best error cannot grow by more than the bound."""
    x = torch.rand(400, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) ** 2
    samples = rectified(x.flatten().tolist())
    errors = [
        quantisation_error(samples, Fraction(threshold([x], rule(k)).item()), k, HALF) for k in (1, 2, 4, 8, 16, 32)
    ]
    width = bin_width(x.max().item())
    assert all(later <= before + width for before, later in itertools.pairwise(errors))
    assert errors[-1] < errors[0] / 8


def test_a_ceiling_bounds_the_threshold():
    x = 20 * torch.rand(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    theta = threshold([x], rule(granularity="channel"), nn.ReLU6())
    assert theta.max() <= 6


def test_a_dead_channel_keeps_a_safe_threshold():
    conv = nn.Conv2d(1, 3, 1).double()
    with torch.no_grad():
        conv.weight.fill_(1)
        conv.bias.copy_(torch.tensor([0.0, -100.0, 0.5]))
    x = torch.rand(4, 1, 5, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    graph = iso.capture(nn.Sequential(conv, nn.ReLU(), nn.Flatten(), nn.Linear(75, 2).double()).eval(), x)
    (dead,) = collect_scales(graph, rule(granularity="channel"), Batches(x)).values()
    assert 0 < dead[1].item() < 1e-100  # silent, and safe to divide by
    assert 0.5 < dead[0].item() < dead[2].item() < 1.5


@pytest.mark.parametrize("granularity", ["layer", "channel"])
def test_memory_is_that_of_the_bins(granularity):
    observer = rule(granularity=granularity).observer(site(4, 6, 6), nn.ReLU())
    for scale in range(1, 20):
        observer(scale * torch.randn(5, 4, 6, 6, dtype=torch.float64))
        assert observer.histogram.counts.shape == (4 if granularity == "channel" else 1, BINS + 1)


def test_it_is_registered():
    assert rules["mmse"] is MMSERule


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"levels": 0}, "levels"),
        ({"phase": 1.0}, "phase"),
        ({"phase": -0.5}, "phase"),
        ({"phase": math.nan}, "phase"),
        ({"bins": 7}, "bins"),
        ({"bins": 0}, "bins"),
    ],
)
def test_a_field_out_of_range_is_named(options, field):
    with pytest.raises(iso.errors.OptionError, match=f"mmse: {field} must be"):
        rule(**options)


def test_no_candidate_is_refused():
    with pytest.raises(iso.errors.OptionError, match="candidates"):
        MMSERule("layer", 7, 0.5, 0, BINS)
