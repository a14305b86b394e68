"""Costs of the PASC neuron against the papers' tables, from the layers of the networks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isospike.errors import OptionError
from isospike.measure import effective_steps, energy_ratio, if_operations, operation_ratio

WIDTHS = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512]
"""Input channels of the 13 convolutions of VGG-16."""
VGG16 = {"cifar": [512, 512, 512], "imagenet": [512 * 7 * 7, 4096, 4096]}
"""Inputs of its three linear layers; the tables count all 16."""


def vgg16(data: str) -> list[float]:
    return [operation_ratio(fan_in) for fan_in in [9 * width for width in WIDTHS] + VGG16[data]]


@pytest.mark.parametrize(
    ("data", "levels", "printed"), [("cifar", 4, 4.21), ("cifar", 8, 8.80), ("imagenet", 16, 18.37)]
)
def test_vgg16_as_in_the_tables(data, levels, printed):
    ratios = vgg16(data)
    assert len(ratios) == 16
    assert round(effective_steps(ratios, [levels] * 16), 2) == printed


@given(st.integers(1, 64))
def test_operations_of_one_neuron(levels):
    soft_resets, counter = 3 * levels - 1, 2 * levels - 1
    assert if_operations(levels) == 5 * levels - 2 == soft_resets + counter


@given(st.integers(1, 20), st.integers(1, 20))
def test_operations_are_those_of_the_three_stages(levels, source_steps):
    """A reset and a count at every step of stages 1 and 2, a comparison at every step of the train."""
    accumulate = sum(2 for _ in range(source_steps))
    settle = sum(2 for _ in range(max(source_steps, levels) - 1))
    assert if_operations(levels, source_steps) == accumulate + settle + levels


@given(st.floats(1e-6, 10), st.integers(1, 32))
def test_energy_ratio_lies_between_one_and_that_of_the_operations(ratio, levels):
    most = if_operations(levels) / levels
    assert 1 <= energy_ratio(ratio, levels) <= most
    assert energy_ratio(ratio, levels) <= energy_ratio(2 * ratio, levels)


@given(st.lists(st.tuples(st.floats(1e-4, 1), st.integers(1, 16)), min_size=1, max_size=20))
def test_effective_steps_is_the_mean_over_all_layers(layers):
    ratios, levels = zip(*layers, strict=True)
    costs = [t * (1 + (5 * t - 2) * r) / (1 + t * r) for r, t in layers]
    assert math.isclose(effective_steps(ratios, levels), math.fsum(costs) / len(costs), rel_tol=1e-12)
    assert effective_steps(ratios, levels) >= sum(levels) / len(levels)


def test_a_linear_layer_has_one_synapse_per_input():
    assert operation_ratio(512) == 1 / (512 * 0.75)
    assert operation_ratio(9 * 64, spike_rate=0.25) == 1 / 144


@pytest.mark.parametrize(("ratios", "levels"), [([], []), ([0.1] * 10, [4] * 17), ([0.1], [0])])
def test_layers_that_do_not_match_are_refused(ratios, levels):
    with pytest.raises(OptionError, match="level"):
        effective_steps(ratios, levels)


@pytest.mark.parametrize(("fan_in", "rate"), [(0, 0.75), (9, 0.0), (9, float("nan"))])
def test_a_ratio_without_synapses_or_spikes_is_refused(fan_in, rate):
    with pytest.raises(OptionError, match="above zero"):
        operation_ratio(fan_in, rate)
