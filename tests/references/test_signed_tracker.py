"""Streaming neurons at signed sites against naive rules in exact fractions, and what they say about themselves."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tracker import spikes_of, without_kernels
from tracking import at_most, pos_neg, power_of_two, signed_tracked

from isospike.neurons import BufferedNeuron, BurstNeuron, Graded, IntegrateAndFire, StreamingNeuron, streaming
from isospike.ops.signed_site import SignedSite

STEPS = settings(deadline=None, max_examples=60, derandomize=True)
currents = st.lists(st.integers(-512, 512).map(lambda n: Fraction(n, 64)), min_size=1, max_size=20)
thresholds = st.integers(1, 200).map(lambda n: Fraction(n, 64))
"""Multiples of 1/64: every sum and product below is exact, in float32 too; no quotient is rounded to a whole number."""
CASES = {
    "integrate-and-fire": (IntegrateAndFire, at_most(1), 1),
    **{f"burst-{size}": (partial(BurstNeuron, largest=size), at_most(size), size) for size in (1, 5)},
    **{f"buffered-{size}": (partial(BufferedNeuron, largest=size), power_of_two(size), size) for size in (1, 4, 8)},
    **{f"graded-{size}": (partial(Graded, largest=size), at_most(size), size) for size in (1, 3, 8)},
}
"""Neuron, what an event may be worth, and the most."""


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES)
@given(train=currents, theta=thresholds)
@STEPS
def test_the_net_count_follows_the_current_below_zero_too(case, dtype, train, theta):
    build, adj, largest = CASES[case]
    neuron = build(*(torch.tensor(float(value), dtype=dtype) for value in (theta, theta / 2)), SignedSite())
    expected = signed_tracked(train, theta, theta / 2, adj, largest)
    assert spikes_of(neuron, train, dtype) == expected
    with without_kernels():
        assert spikes_of(neuron, train, dtype) == expected
    assert all(-largest <= s <= largest for s in expected)


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
@given(train=currents, theta=thresholds)
@STEPS
def test_two_halves_that_communicate_are_one_signed_tracker(bits, train, theta):
    """But for ties of a half at a whole threshold, where the print fires one too many; these currents have none."""
    shifted = [z + Fraction(1, 10_007) for z in train]  # no sum of up to 20 is a multiple of a 128th
    assert pos_neg(shifted, theta, bits) == signed_tracked(shifted, theta, theta / 2, at_most(2**bits - 1), 2**bits - 1)


def test_two_halves_at_a_tie_fire_one_too_many():
    train = [Fraction(-1, 2), Fraction(0), Fraction(0), Fraction(0)]
    assert pos_neg(train, Fraction(1), 2) == [-1, 1, -1, 1]
    assert signed_tracked(train, Fraction(1), Fraction(1, 2), at_most(3), 3) == [0, 0, 0, 0]


@pytest.mark.parametrize("kind", [kind for _, kind in streaming.items() if kind.serves_signed])
def test_a_constant_current_comes_out_with_its_sign(kind: type[StreamingNeuron]):
    """The mean is the static function to one unit over T, T = 64, for currents up to beyond saturation.

    One spike of the nearest threshold leaves up to half the largest one.
    """
    one, steps = torch.tensor(1.0, dtype=torch.float64), 64
    neuron = kind(one, 0 * one if kind.rounds_itself else one / 2, SignedSite())
    z = torch.linspace(-1.5, 1.5, 61, dtype=torch.float64).view(1, -1) * neuron.largest
    found = neuron.constant_output(z, steps=steps, probe=0)
    assert (found - neuron(z)).abs().max() <= (neuron.largest / 2 if kind.rounds_itself else 1) / steps
    limit = neuron.saturation
    assert torch.equal(neuron(z), z.clamp(-limit, limit))
    assert neuron.largest_output(z).unique().item() == limit
    assert neuron.takes_back
    assert neuron.is_signed


def test_rounding_to_nearest_is_the_same_for_both_signs():
    """Away from ties; T = 8."""
    theta = torch.tensor(0.5, dtype=torch.float64)
    z = torch.linspace(0.013, 2.3, 97, dtype=torch.float64).view(1, -1)
    neuron = Graded(theta, theta / 2, SignedSite(), largest=8)
    ups, downs = (neuron.constant_output(sign * z, steps=8, probe=0) for sign in (1, -1))
    assert torch.equal(ups, -downs)
    assert [math.floor(8 * x / 0.5 + 0.5) / 16 for x in z.flatten().tolist()] == ups.flatten().tolist()
