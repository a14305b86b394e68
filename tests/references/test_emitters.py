"""The emitting neurons and their codes against exact fractions, spike for spike."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest
import torch
from emission import PHASE, binary_digits, bit_coded, pasc, quantised
from formulas import image, windows
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from isospike.neurons import NEAREST, BitCodedNeuron, Currents, Emitter, Pasc, QuantisedActivation
from isospike.neurons.codes import Binary, Code, Unary

STEPS = settings(deadline=None, max_examples=60, derandomize=True)
sixty_fourths = st.integers(-512, 512).map(lambda n: Fraction(n, 64))
units = st.integers(1, 100).map(lambda n: Fraction(n, 64))
"""Multiples of 1/64: with the phase 2049/4096 every sum below is exact in float64."""
trains = st.lists(sixty_fourths, min_size=1, max_size=8)


def tensor(value: Fraction) -> torch.Tensor:
    return torch.tensor(float(value), dtype=torch.float64)


def emitted(kind: type[Emitter], currents: list[Fraction], unit: Fraction, levels: int):
    train = torch.stack([tensor(z) for z in currents]).view(-1, 1, 1)
    emission = kind(tensor(unit), levels).emit(Currents(train))
    return emission.spikes.flatten().int().tolist(), emission.inhibitory


def test_the_phase_is_the_one_of_the_formulas():
    assert Fraction(NEAREST) == PHASE


@given(trains, units, st.integers(1, 40))
@STEPS
def test_bit_coded_neuron(currents, unit, levels):
    spikes, inhibitory = emitted(BitCodedNeuron, currents, unit, levels)
    code = quantised(sum(currents), unit, levels)
    assert spikes == bit_coded(currents, unit, levels) == binary_digits(code, len(spikes))
    assert inhibitory is None


@given(trains, units, st.integers(1, 12))
@STEPS
def test_pasc_neuron(currents, unit, levels):
    spikes, inhibitory = emitted(Pasc, currents, unit, levels)
    expected, events = pasc(currents, unit, levels)
    assert spikes == expected
    assert inhibitory.tolist() == [events]
    assert sum(spikes) == quantised(sum(currents), unit, levels)


@given(sixty_fourths, units, st.integers(1, 40))
@STEPS
def test_forward_is_the_quantised_activation(total, unit, levels):
    code = quantised(total, unit, levels)
    for kind in (BitCodedNeuron, Pasc):
        neuron = kind(tensor(unit), levels)
        assert Fraction(neuron(tensor(total)).item()) == unit * code
        assert neuron.codes(neuron(tensor(total))).item() == code  # a quantised value is its own quantisation
    # bound / levels is a rounded quotient: one rounding of the unit, one of the product
    activation = QuantisedActivation(tensor(unit * levels), levels)(tensor(total)).item()
    assert abs(activation - float(unit * code)) <= 2 * 2**-52 * float(unit * code)


def test_inhibitory_events_depend_on_the_order_of_the_currents():
    # the same multiset of currents, another count in stage 1
    one = Fraction(1)
    orders = {pasc(order, one, 4)[1] for order in itertools.permutations([2 * one, -2 * one, one / 4, one / 2])}
    assert len(orders) > 1
    sums = {tuple(pasc(order, one, 4)[0]) for order in itertools.permutations([2 * one, -2 * one, one / 4, one / 2])}
    assert len(sums) == 1


@pytest.mark.parametrize(("arriving", "levels"), [(2, 2), (4, 4), (3, 5), (6, 3)])
def test_stage_two_needs_all_its_steps(arriving, levels):
    """With one step less some input goes wrong, with all of them none does."""
    values = [Fraction(n, 2) for n in (-2 * arriving, -1, 0, 1, 2 * levels)]
    found = {0: 0, 1: 0}
    for currents in itertools.product(values, repeat=arriving):
        for missing in found:
            spikes, _ = pasc(currents, Fraction(1), levels, missing)
            found[missing] += sum(spikes) != quantised(sum(currents), Fraction(1), levels)
    assert found[0] == 0
    assert found[1] > 0


@pytest.mark.parametrize("code", [Unary(), Binary()], ids=lambda code: type(code).__name__)
@pytest.mark.parametrize("levels", [1, 2, 3, 7, 8, 15, 19])
def test_a_code_spells_every_number(code: Code, levels):
    numbers = torch.arange(levels + 1)
    steps = code.steps(levels)
    spikes = code.encode(numbers, steps)
    assert spikes.shape == (steps, levels + 1)
    assert torch.equal(code.decode(spikes), numbers)
    assert list(code.weights(steps)) == sorted(code.weights(steps), reverse=True)
    histogram = torch.randint(0, 9, (2, levels + 1), generator=torch.Generator().manual_seed(levels))
    expected = torch.stack([(spikes[:, None, :] * row[None, None, :]).sum((1, 2)) for row in histogram], 1)
    assert torch.equal(code.count(histogram, steps), expected)


def test_lengths_of_the_codes():
    assert [Binary().steps(levels) for levels in (1, 2, 3, 4, 7, 8, 15, 16, 65535)] == [1, 2, 2, 3, 3, 4, 4, 5, 16]
    assert [Unary().steps(levels) for levels in (1, 4, 16)] == [1, 4, 16]


@pytest.mark.parametrize("window", [(2, 2, 0), (3, 2, 1), (3, 1, 1)])
@pytest.mark.parametrize("code", [Unary(), Binary()], ids=lambda code: type(code).__name__)
def test_pooled_trains_are_trains_of_the_maximum(code: Code, window):
    kernel, stride, padding = window
    numbers = torch.randint(0, 12, (1, 2, 6, 6), generator=torch.Generator().manual_seed(0))
    steps, amplitude = code.steps(11), torch.tensor([0.3, 1.7], dtype=torch.float64).view(2, 1, 1)
    spikes = code.encode(numbers, steps)
    weights = torch.tensor(code.weights(steps)).view(-1, 1, 1, 1, 1)
    pooled = code.max_pool(spikes * weights * amplitude, nn.MaxPool2d(kernel, stride, padding))
    inside = windows(image(numbers[0]), kernel, stride, padding)
    for (c, y, x), members in inside.items():
        largest = max(int(numbers[0][member]) for member in members)
        train = [int(s) for s in code.encode(torch.tensor(largest), steps)]
        assert [int(value) for value in pooled[:, 0, c, y, x] != 0] == train
        expected = [s * w * amplitude[c].item() for s, w in zip(train, code.weights(steps), strict=True)]
        assert pooled[:, 0, c, y, x].tolist() == expected


def test_the_or_of_binary_trains_is_not_the_maximum():
    """OR is right for 35 % of windows of random codes of four bits; the tournament for all (above)."""
    numbers = torch.randint(0, 16, (4000, 4), generator=torch.Generator().manual_seed(0))
    either = numbers[:, 0] | numbers[:, 1] | numbers[:, 2] | numbers[:, 3]
    assert (either == numbers.amax(1)).float().mean() < 0.5
