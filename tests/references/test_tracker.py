"""Streaming neurons against their papers' rules in exact fractions, spike for spike, with and without the kernel."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from unittest import mock

import pytest
import torch
from formulas import soft_reset
from hypothesis import given, settings
from hypothesis import strategies as st
from tracking import at_most, buffered, burst, hard_reset, power_of_two, signed_memory, tracked

from isospike.kernels.tracker_loop import advance_by_torch
from isospike.neurons import (
    BufferedNeuron,
    BurstNeuron,
    DifferentialMultiThreshold,
    DifferentialNeuron,
    Graded,
    HardReset,
    HarmonyNeuron,
    IntegrateAndFire,
    MultiThreshold,
    SignedMemory,
    StreamingNeuron,
    streaming,
)

STEPS = settings(deadline=None, max_examples=60, derandomize=True)
sixty_fourths = st.integers(-512, 512).map(lambda n: Fraction(n, 64))
currents = st.lists(sixty_fourths, min_size=1, max_size=20)
thresholds = st.integers(1, 200).map(lambda n: Fraction(n, 64))
"""Multiples of 1/64: every sum and product below is exact, in float32 too; no quotient is rounded to a whole number."""
parts = st.integers(-32, 96).map(lambda n: Fraction(n, 64))

Case = tuple[Callable[..., StreamingNeuron], Callable[..., list[int]], int, int]


def burst_case(size: int) -> Case:
    return partial(BurstNeuron, largest=size), lambda *train: burst(*train, size), 0, size


def buffered_case(size: int, adj: Callable[[int], Callable[[int], int]]) -> Case:
    build = partial(BufferedNeuron if adj is power_of_two else Graded, largest=size)
    return build, lambda *train: buffered(*train, adj(size)), size, size


CASES: dict[str, Case] = {
    "integrate-and-fire": (IntegrateAndFire, lambda *train: soft_reset(*train)[0], 0, 1),
    "hard-reset": (HardReset, hard_reset, 0, 1),
    "signed-memory": (SignedMemory, signed_memory, 1, 1),
    **{f"burst-{size}": burst_case(size) for size in (1, 2, 5)},
    **{f"buffered-{size}": buffered_case(size, power_of_two) for size in (1, 2, 4, 8)},
    **{f"graded-{size}": buffered_case(size, at_most) for size in (1, 2, 3, 4, 8)},
}
"""Neuron, its reference, and the largest numbers of spikes down and up."""


def without_kernels():
    return mock.patch("isospike.neurons.tracker.track", advance_by_torch)


def spikes_of(neuron: StreamingNeuron, train: list[Fraction], dtype: torch.dtype) -> list[int]:
    """The spikes of one neuron, their counts and range checked on the way."""
    x = torch.tensor([float(z) for z in train], dtype=dtype).view(-1, 1, 1)
    out, counts = neuron.advance(x.clone(), neuron.start(x[0]), overwrite=True)
    spikes = [int(Fraction(y) / Fraction(neuron.v_threshold.item())) for y in out.flatten().tolist()]
    assert [Fraction(y) for y in out.flatten().tolist()] == [s * Fraction(neuron.v_threshold.item()) for s in spikes]
    assert counts.spikes.flatten().tolist() == [abs(s) for s in spikes]
    assert counts.packets.flatten().tolist() == [int(s != 0) for s in spikes]
    return spikes


def check(case: str, train: list[Fraction], theta: Fraction, v: Fraction, dtype: torch.dtype) -> None:
    build, reference, down, up = CASES[case]
    neuron = build(*(torch.tensor(float(value), dtype=dtype) for value in (theta, v)))
    expected = reference(train, theta, v)
    assert spikes_of(neuron, train, dtype) == expected
    with without_kernels():
        assert spikes_of(neuron, train, dtype) == expected
    assert all(-down <= s <= up for s in expected)
    assert all(sum(expected[:t]) >= 0 for t in range(len(expected)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("case", CASES)
@given(train=currents, theta=thresholds, part=parts)
@STEPS
def test_arbitrary_currents(case, dtype, train, theta, part):
    check(case, train, theta, theta * part, dtype)


@pytest.mark.parametrize("case", CASES)
@given(multiples=st.lists(st.integers(-6, 6), min_size=1, max_size=16), theta=thresholds)
@STEPS
def test_currents_on_the_grid_of_thresholds(case, multiples, theta):
    check(case, [theta * m for m in multiples], theta, Fraction(0), torch.float64)


@pytest.mark.parametrize("case", [case for case in CASES if case not in ("hard-reset", "signed-memory")])
@given(train=currents, theta=thresholds, part=parts.filter(lambda part: part >= 0))
@STEPS
def test_the_net_count_follows_the_ideal_one(case, train, theta, part):
    """The closed form; with powers of two the step towards the ideal count is rounded down to one."""
    _, reference, down, up = CASES[case]
    adj = power_of_two(up) if case.startswith("buffered") else at_most(up)
    assert reference(train, theta, theta * part) == tracked(train, theta, theta * part, adj, down, up)


@pytest.mark.parametrize("powers", [True, False])
@pytest.mark.parametrize("largest", [1, 2, 4, 8])
def test_powers_of_two_lose_constant_currents_from_four_spikes_on(largest, powers):
    """Shares of wrong counts were 10 % for 4 and 40 % for 8; the bars are half of that."""
    steps, adj = 8, (power_of_two if powers else at_most)(largest)
    inputs = [Fraction(n, 16) for n in range(16 * largest)]
    found = [sum(buffered([x] * steps, Fraction(1), Fraction(0), adj)) for x in inputs]
    share = sum(n != math.floor(steps * x) for n, x in zip(found, inputs, strict=True)) / len(inputs)
    assert share > {4: 0.05, 8: 0.2}[largest] if powers and largest > 2 else share == 0


def test_printed_a_strict_threshold_loses_one_spike_of_every_current_on_the_grid():
    for ideal in range(1, 9):
        train = [Fraction(ideal, 8)] * 8
        assert sum(buffered(train, Fraction(1), Fraction(0), at_most(1))) == ideal
        assert sum(buffered(train, Fraction(1), Fraction(0), at_most(1), strict=True)) == ideal - 1


def test_printed_rounding_below_zero_takes_nothing_back_above_minus_a_threshold():
    train = [Fraction(2), Fraction(0), Fraction(-2, 5), Fraction(0)]
    assert buffered(train, Fraction(1), Fraction(0), power_of_two(1)) == [1, 1, -1, 0]
    assert buffered(train, Fraction(1), Fraction(0), power_of_two(1), below=math.floor) == [1, 1, 0, 0]


def test_printed_without_the_sign_the_potential_runs_away():
    train = [Fraction(2), Fraction(0), Fraction(-1, 2), Fraction(0), Fraction(0)]
    assert sum(buffered(train, Fraction(1), Fraction(0), at_most(1))) == 1
    assert buffered(train, Fraction(1), Fraction(0), at_most(1), sign=1) == [1, 1, 1, 1, 1]


def test_share_of_wrong_counts_after_uneven_spikes():
    """After 16 steps of random spikes IF, burst, signed memory, buffered and buffered with two spikes, in this order.

    43, 39, 22, 9 and 0.8 % of the final counts with these rates and weights; the shares depend on them, the order does
    not. The bars leave a factor of about two.
    """
    random, one = torch.Generator().manual_seed(0), torch.tensor(1.0, dtype=torch.float64)
    rates = 0.3 * torch.rand(400, 64, generator=random)
    spikes = (torch.rand(16, 400, 64, generator=random) < rates).double()
    z = spikes @ (0.3 * torch.randn(64, 64, generator=random).double())
    ideal = torch.floor(z.sum(0) + 0.5)

    def share(neuron: StreamingNeuron) -> float:
        out, _ = neuron.advance(z.clone(), neuron.start(z[0]), overwrite=True)
        return (out.sum(0) != ideal.clamp(0, 16 * neuron.largest)).double().mean().item()

    kinds = (IntegrateAndFire, BurstNeuron, SignedMemory, BufferedNeuron)
    found = [*(share(kind(one, one / 2)) for kind in kinds), share(BufferedNeuron(one, one / 2, largest=2))]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.15
    assert found[3] < found[0] / 2
    assert found[4] < found[0] / 25


def test_every_neuron_is_registered():
    assert {kind for _, kind in streaming.items()} == {
        *(IntegrateAndFire, HardReset, BurstNeuron, SignedMemory, BufferedNeuron, Graded),
        *(MultiThreshold, HarmonyNeuron, DifferentialNeuron, DifferentialMultiThreshold),
    }
    for name, kind in streaming.items():
        neuron = kind(torch.tensor(2.0), torch.tensor(1.0), torch.nn.ReLU6())
        assert isinstance(neuron.source(), torch.nn.ReLU6), name
        assert neuron.largest == (kind.default_largest or 1)
        ceiling = 6.0 if isinstance(neuron, DifferentialNeuron) else 2.0 * neuron.largest
        assert neuron(torch.tensor([-1.0, 1.5, 99.0])).tolist() == [0, 1.5, ceiling], name
