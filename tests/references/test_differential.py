"""Multi-threshold, harmony and differential neurons against their papers' rules, and the figures of the codes."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from tracking import at_most, burst, differential, multi_threshold, nearest_threshold, signed_tracked

from isospike.neurons import (
    DifferentialMultiThreshold,
    DifferentialNeuron,
    HarmonyNeuron,
    IntegrateAndFire,
    MultiThreshold,
    StreamingNeuron,
)
from isospike.ops.signed_site import SignedSite

STEPS = settings(deadline=None, max_examples=60, derandomize=True)
currents = st.lists(st.integers(-512, 512).map(lambda n: Fraction(n, 64)), min_size=1, max_size=20)
thresholds = st.integers(1, 200).map(lambda n: Fraction(n, 64))
"""Multiples of 1/64: sums of the rate codes are exact."""
SITES = {"rectifier": nn.ReLU, "signed": SignedSite}


def run(neuron: StreamingNeuron, train: list[Fraction]):
    """Outputs, events and what was sent of one neuron."""
    x = torch.tensor([float(z) for z in train], dtype=torch.float64).view(-1, 1, 1)
    out, events = neuron.advance(x.clone(), neuron.start(x[0]), overwrite=True)
    return out.flatten(), events


def exact(value: Fraction) -> Tensor:
    return torch.tensor(float(value), dtype=torch.float64)


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("count", [1, 2, 4, 6])
@given(train=currents, largest=thresholds)
@STEPS
def test_several_thresholds(count, site, train, largest):
    neuron = MultiThreshold(
        exact(largest / 2 ** (count - 1)), exact(Fraction(0)), SITES[site](), largest=2 ** (count - 1)
    )
    out, events = run(neuron, train)
    expected = multi_threshold(train, largest, count, signed=site == "signed")
    assert [Fraction(y) for y in out.tolist()] == expected
    assert events.spikes.flatten().tolist() == events.packets.flatten().tolist() == [int(y != 0) for y in expected]


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("bits", [1, 2, 3, 4])
@given(train=currents, u=thresholds)
@STEPS
def test_binary_digits_in_one_step(bits, site, train, u):
    levels = 2**bits - 1
    neuron = HarmonyNeuron(exact(u), exact(u / 2), SITES[site](), largest=levels)
    out, events = run(neuron, train)
    expected = (
        burst(train, u, u / 2, levels)
        if site == "rectifier"
        else signed_tracked(train, u, u / 2, at_most(levels), levels)
    )
    assert [Fraction(y) / u for y in out.tolist()] == expected
    assert events.spikes.flatten().tolist() == [abs(s).bit_count() for s in expected]
    assert events.packets.flatten().tolist() == [int(s != 0) for s in expected]


def check_differential(neuron: StreamingNeuron, train: list[Fraction], sent: list[Fraction], decoded: list[Fraction]):
    out, events = run(neuron, train)
    means = out.cumsum(0) / torch.arange(1, len(train) + 1)
    units = (events.sent.flatten() / neuron.v_threshold).round().long().tolist()
    assert units == [round(value / Fraction(neuron.v_threshold.item())) for value in sent]
    # some dozens of roundings of numbers up to eight
    assert (means - torch.tensor([float(a) for a in decoded], dtype=torch.float64)).abs().max() <= 1e-12
    assert events.spikes.flatten().tolist() == [abs(s).bit_count() for s in units]
    assert events.packets.flatten().tolist() == [int(s != 0) for s in units]


off = st.integers(1, 10**6).map(lambda n: Fraction(n, 10**7 + 19))
"""Added to currents: no error is a multiple of a threshold but for a rounding, where floats may decide otherwise."""


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("largest", [1, 3, 15])
@given(train=currents, u=thresholds, off=off)
@STEPS
def test_graded_changes(largest, site, train, u, off):
    train = [z + off for z in train]
    decide = lambda e: u * min(max(math.floor(e / u), -largest), largest)  # noqa: E731
    back = lambda most: u * math.floor(most / u)  # noqa: E731
    sent, decoded = differential(train, decide, u / 2, back if site == "rectifier" else None)
    neuron = DifferentialNeuron(exact(u), exact(u / 2), SITES[site](), largest=largest)
    check_differential(neuron, train, sent, decoded)
    if site == "rectifier":
        assert min(decoded) >= 0


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("count", [1, 4])
@given(train=currents, largest=thresholds, off=off)
@STEPS
def test_changes_of_several_thresholds(count, site, train, largest, off):
    train = [z + off for z in train]
    sizes = [largest / 2**i for i in range(count)]
    back = lambda most: max((size for size in sizes if size <= most), default=Fraction(0))  # noqa: E731
    decide = lambda e: nearest_threshold(e, largest, count)  # noqa: E731
    sent, decoded = differential(train, decide, Fraction(0), back if site == "rectifier" else None)
    neuron = DifferentialMultiThreshold(exact(sizes[-1]), exact(Fraction(0)), SITES[site](), largest=2 ** (count - 1))
    check_differential(neuron, train, sent, decoded)


@pytest.mark.parametrize("largest", [2, 8])
@pytest.mark.parametrize("kind", [DifferentialNeuron, DifferentialMultiThreshold])
def test_a_ceiling_is_reached_and_not_passed(kind, largest):
    """Events may be smaller than the ceiling: changes add up to it."""
    one = torch.tensor(0.5, dtype=torch.float64)
    neuron = kind(one, one * 0, nn.Hardtanh(0.0, 4.0), largest=largest)
    x = torch.full((200, 1, 3), 9.0, dtype=torch.float64)
    out, _ = neuron.advance(x, neuron.start(x[0]), overwrite=True)
    means = out.cumsum(0) / torch.arange(1, 201).view(-1, 1, 1)
    assert (means <= 4).all()
    assert (means[-1] > 4 - 0.5 / 200).all()  # less is missing than one threshold at the last step
    assert neuron(x).max() == 4


TABLE = {
    "rate": (IntegrateAndFire, None, {4: (0.124, 0.7), 8: (0.071, 1.2), 32: (0.021, 4.0)}),
    "one": (DifferentialNeuron, 1, {4: (0.082, 0.9), 8: (0.043, 2.0), 32: (0.010, 9.3)}),
    "four": (DifferentialMultiThreshold, 2**3, {4: (0.013, 0.95), 8: (0.0054, 1.2), 32: (0.0013, 1.7)}),
    "eight": (DifferentialMultiThreshold, 2**7, {4: (0.0013, 1.5), 8: (0.0004, 1.8), 32: (0.0001, 2.4)}),
}
"""Root mean square error and events per value for ``max(0, N(0, 1))`` at the best threshold, computed apart."""


@pytest.mark.parametrize("steps", [4, 8, 32])
@pytest.mark.parametrize("row", TABLE)
def test_figures_of_the_codes(row, steps):
    """To 10 % and half the last printed digit: so much do grids of thresholds and samples of 40,000 values differ.

    The error of four thresholds is that of the few values beyond them.
    """
    kind, largest, printed = TABLE[row]
    z = torch.randn(1, 40_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64).relu()
    found = []
    for threshold in torch.logspace(-0.3, 0.7, 40).tolist():
        u = torch.tensor(threshold / (largest or 1), dtype=torch.float64)
        half = 0 if kind.rounds_itself else u / 2
        neuron = kind(u, u * 0 + half, **({} if largest is None else {"largest": largest}))
        out, events = neuron.advance(z.expand(steps, *z.shape), neuron.start(z), overwrite=False)
        error = (out.mean(0) - z).square().mean().sqrt().item()
        found.append((error, events.packets.sum().item() / z.numel()))
    for value, wanted in zip(min(found), printed[steps], strict=True):
        digits = len(str(wanted).partition(".")[2])
        assert abs(value - wanted) <= 0.1 * wanted + 0.5 * 10**-digits
