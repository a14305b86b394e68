"""Costs of the PASC neuron against the papers' tables, from the layers of the networks."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isospike.costs import effective_steps, energy_ratio, if_operations, operation_ratio, overall_energy_ratio
from isospike.errors import OptionError

WIDTHS = [3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512]
"""Input channels of the 13 convolutions of VGG-16."""
VGG16 = {"cifar": [512, 512, 512], "imagenet": [512 * 7 * 7, 4096, 4096]}
"""Inputs of its three linear layers as the tables count them, which are means over all 16."""


def vgg16(data: str) -> list[float]:
    return [operation_ratio(fan_in) for fan_in in [9 * width for width in WIDTHS] + VGG16[data]]


@pytest.mark.parametrize(
    ("data", "levels", "printed"), [("cifar", 4, 4.21), ("cifar", 8, 8.80), ("imagenet", 16, 18.37)]
)  # 8.796 is also printed as 8.79
def test_vgg16_as_in_the_tables(data, levels, printed):
    ratios = vgg16(data)
    assert len(ratios) == 16
    assert round(effective_steps(ratios, [levels] * 16), 2) == printed


@pytest.mark.parametrize(("levels", "printed"), [(4, 4.21), (8, 8.80)])
def test_the_overall_ratio_times_the_levels_is_t_norm(levels, printed):
    assert round(overall_energy_ratio(vgg16("cifar"), [levels] * 16) * levels, 2) == printed


def test_the_overall_ratio_is_a_mean_over_layers():
    ratios, levels = [0.01, 0.2], [2, 8]
    assert overall_energy_ratio(ratios, levels) == (energy_ratio(0.01, 2) + energy_ratio(0.2, 8)) / 2
    with pytest.raises(OptionError, match="2 ratios for 1 levels"):
        overall_energy_ratio(ratios, [2])


def vgg16_with_neurons(data: str, hidden: int = 4096) -> list[float]:
    """The 15 layers that have neurons, with the inputs that they have."""
    fan_ins = [9 * width for width in WIDTHS] + [VGG16[data][0], hidden]
    return [operation_ratio(fan_in) for fan_in in fan_ins]


@pytest.mark.parametrize(("data", "levels", "steps"), [("cifar", 4, 4.20), ("cifar", 8, 8.77), ("imagenet", 16, 18.50)])
def test_vgg16_by_its_neurons(data, levels, steps):
    """Ours: the classifier has no neuron, and the second linear layer has 4096 inputs with CIFAR too, not 512."""
    assert round(effective_steps(vgg16_with_neurons(data), [levels] * 15), 2) == steps


ADAPTED_VGG16 = [8, 4, 4, 1, 4, 4, 1, 1, 1, 1, 1, 4, 8, 8, 8]
"""Published levels of the 15 neuron layers for CIFAR-100."""


@pytest.mark.parametrize(("hidden", "steps"), [(512, 4.54), (4096, 4.51)])
def test_adapted_vgg16(hidden, steps):
    """Printed: 4.54, with 512 inputs of the second linear layer; it has 4096."""
    assert round(effective_steps(vgg16_with_neurons("cifar", hidden), ADAPTED_VGG16), 2) == steps


BLOCKS = {"resnet18": {64: 2, 128: 2, 256: 2, 512: 2}, "resnet34": {64: 3, 128: 4, 256: 6, 512: 3}}
"""Residual blocks by width."""
STEM = {"resnet18": 3 * 3 * 3, "resnet34": 3 * 7 * 7}
"""Inputs of the first convolution: CIFAR and ImageNet."""


def resnet(name: str) -> list[float]:
    """``r'`` of every neuron layer: the stem and two convolutions a block. Shortcuts have no neuron of their own."""
    fan_ins, before = [STEM[name]], 64
    for width, blocks in BLOCKS[name].items():
        fan_ins += [9 * before] + [9 * width] * (2 * blocks - 1)
        before = width
    return [operation_ratio(fan_in) for fan_in in fan_ins]


def resnet_as_published(name: str) -> list[float]:
    """The list of the authors' published script, from which the printed figures follow.

    One entry a block, not one a layer, with four times the inputs of its convolutions; a stem with 288 or 216 inputs
    in the place of 27 and 147; the classifier, which has no neuron.
    """
    stem = {"resnet18": 288, "resnet34": 216}[name]
    fan_ins = [stem] + [4 * 9 * width for width, blocks in BLOCKS[name].items() for _ in range(blocks)] + [512]
    return [operation_ratio(fan_in) for fan_in in fan_ins]


@pytest.mark.parametrize(
    ("name", "levels", "printed", "ours"),
    [
        ("resnet18", 8, 8.22, 8.77),
        ("resnet34", 8, 8.17, 8.30),
        ("resnet34", 16, 16.67, 17.23),  # printed beside L = 8 in the appendix
    ],
)
def test_uniform_resnets(name, levels, printed, ours):
    published, layers = resnet_as_published(name), resnet(name)
    assert (len(published), len(layers)) == {"resnet18": (10, 17), "resnet34": (18, 33)}[name]
    assert round(effective_steps(published, [levels] * len(published)), 2) == printed
    assert round(effective_steps(layers, [levels] * len(layers)), 2) == ours


@pytest.mark.parametrize(
    ("levels", "printed", "ours"),
    [
        ([4, 4, 4, 1, 4, 4, 4, 1, 4, 1, 1, 1, 1, 1, 1, 1, 4], 3.14, 2.59),
        ([4, 2, 4, 1, 4, 2, 2, 1, 4, 2, 2, 1, 4, 1, 1, 1, 4], 2.63, 2.52),
    ],
)
def test_adapted_resnet18(levels, printed, ours):
    """Printed: the mean over the first 10 of 17 layers, because the script stops at the shorter list."""
    published, layers = resnet_as_published("resnet18"), resnet("resnet18")
    assert round(effective_steps(published, levels[:10]), 2) == printed
    assert round(effective_steps(layers, levels), 2) == ours
    with pytest.raises(OptionError, match="10 ratios for 17 levels"):
        effective_steps(published, levels)


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
