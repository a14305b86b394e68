"""Where the papers' printed forms go wrong, and by how much; the corrected forms are wrong nowhere.

One test for each row of the tables of errors that is about numbers. Shares depend on the network; the bars are half of
what this one shows or less.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from emission import (
    BitCodedForm,
    PascForm,
    beta_as_printed,
    beta_of_a_step,
    codes_of_the_ann,
    in_float32,
    random_layers,
    wrong,
)
from torch import nn

import isospike as iso
from blocks import Network
from isospike.neurons import QuantisedActivation
from isospike.ops import Role

SIZES = (24, 48, 48, 48, 48)
LAYERS = random_layers(SIZES, seed=0)
INPUTS = np.random.default_rng(1).normal(0, 1, (200, 24))
SMALL = random_layers(SIZES, seed=0, bound=0.02)


def bit_coded(levels: int = 15, steps: int = 4, **printed) -> float:
    """Share of wrong codes against the ANN with as many levels."""
    found = BitCodedForm(levels, steps, **printed).codes(LAYERS, INPUTS)
    return wrong(found, codes_of_the_ann(LAYERS, INPUTS, levels))


def pasc(layers=LAYERS, levels: int = 8, **printed) -> float:
    return wrong(PascForm(levels, **printed).codes(layers, INPUTS), codes_of_the_ann(layers, INPUTS, levels))


@pytest.mark.parametrize(("levels", "steps"), [(15, 4), (1, 1), (3, 2), (5, 3), (8, 4), (19, 5)])
def test_corrected_bit_coded_form(levels, steps):
    assert bit_coded(levels, steps) == 0


@pytest.mark.parametrize("levels", [1, 2, 4, 8, 13])
def test_corrected_pasc_form(levels):
    assert pasc(levels=levels) == 0
    assert pasc(SMALL, levels) == 0


PRINTED = {
    "2.2 row 1: beta in the place of sigma": ({"beta": beta_as_printed}, 0.2),
    "2.2 row 1: the whole bias at every step": ({"beta": lambda layer, steps: layer.beta}, 0.15),
    "2.2 row 2: weight 2^(t-1) with the most significant bit first": ({"weight": lambda t, steps: 2.0 ** (t - 1)}, 0.1),
    "2.2 row 3: no half-step shift": ({"shift": 0.0}, 0.15),
    "2.2 row 5: the same threshold at every step": ({"threshold": lambda t, steps: 2.0 ** (steps - 1)}, 0.2),
    "2.2 row 6: the first layer's beta shifted too": ({"first_beta": beta_of_a_step}, 0.2),
}


@pytest.mark.parametrize("row", PRINTED)
def test_printed_bit_coded_form(row):
    printed, bar = PRINTED[row]
    assert bit_coded(**printed) > bar


def test_row_4_sixteen_levels_do_not_fit_into_four_bits():
    """Q = 16, T = log2 Q = 4: clipped at Q there are 17 values; the largest one is lost, and what follows from it."""
    literal = BitCodedForm(16, 4, saturates=False).codes(LAYERS, INPUTS)
    expected = codes_of_the_ann(LAYERS, INPUTS, 16)
    assert wrong(literal, expected) > 0.1
    first = literal[0] != expected[0]
    assert (expected[0][first] == 16).all()
    for levels, steps in ((15, 4), (16, 5)):  # released levels; one more bit with saturation
        assert bit_coded(levels, steps) == 0
    clipped = [replace(layer, bound=layer.bound / 16 * 15) for layer in LAYERS]  # the unit of 16 levels, clipped at 15
    assert wrong(BitCodedForm(15, 4).codes(clipped, INPUTS), codes_of_the_ann(clipped, INPUTS, 15)) == 0


def test_row_8_requantising_is_the_best_reading_of_fewer_bits():
    """A network trained with 16 levels run with two bits: error against the clipped ReLU."""
    x, bound, steps = np.linspace(-0.5, 1.5, 20_001), 1.0, 2
    clipped = np.clip(x, 0, bound)
    codes16 = np.clip(np.floor(x * 16 + 0.5), 0, 15)
    readings = {
        "requantised": np.clip(np.floor(x * 3 + 0.5), 0, 3) / 3,
        "unit of lambda / 2^T": np.clip(np.floor(x * 4 + 0.5), 0, 3) / 4,
        "literal floor": np.clip(np.floor(x * 4), 0, 3) / 4,
        "top bits": np.floor(codes16 / 4) / 4,
    }
    errors = {name: float(np.mean((value - clipped) ** 2)) for name, value in readings.items()}
    assert sorted(errors, key=errors.__getitem__) == [
        "requantised", "unit of lambda / 2^T", "top bits", "literal floor"
    ]  # fmt: skip
    snn = iso.convert(quantised_graph(levels=16), iso.methods.BitCoded(bits=steps), data=torch.from_numpy(INPUTS))
    for site in snn.sites:
        neuron = snn.graph.get_submodule(site)
        assert (neuron.levels, neuron.steps) == (3, 2)
        assert torch.equal(neuron.unit, neuron.activation.bound / 3)


def test_row_11_potentials_are_unbounded():
    """Levels that leave bit patterns unused need saturation."""
    assert bit_coded(9, 4, saturates=False) > 0.2
    assert bit_coded(9, 4) == 0


NORMALISATIONS = {
    "2.2 row 9: sigma is the running variance": lambda layer: replace(layer, sigma=layer.sigma**2),
    "3.2 row 6: neither the currents nor the bias have the factor gamma / sigma": lambda layer: replace(
        layer, gamma=np.ones_like(layer.gamma), sigma=np.ones_like(layer.sigma)
    ),
}


@pytest.mark.parametrize("row", NORMALISATIONS)
@pytest.mark.parametrize("form", [BitCodedForm(7, 3), PascForm(7)], ids=lambda form: type(form).__name__)
def test_printed_normalisation(form, row):
    printed = [NORMALISATIONS[row](layer) for layer in LAYERS]
    assert wrong(form.codes(printed, INPUTS), codes_of_the_ann(LAYERS, INPUTS, 7)) > 0.09
    assert wrong(form.codes(LAYERS, INPUTS), codes_of_the_ann(LAYERS, INPUTS, 7)) == 0


def test_codes_are_read_off_by_rounding():
    """``int(a / lambda * L)`` misses exact codes."""
    random = np.random.default_rng(0)
    levels = 15
    codes, bounds = random.integers(0, levels + 1, 100_000), random.uniform(0.1, 8, 100_000)
    activations = bounds / levels * codes
    assert np.mean((activations / bounds * levels).astype(int) != codes) > 0.02
    assert np.array_equal(np.rint(activations / bounds * levels).astype(int), codes)


@pytest.mark.parametrize(("number_format", "bar"), [("float64", 0.08), ("float32", 0.07)])
def test_table_3_2_row_1_a_counter_in_thresholds_loses_spikes(number_format, bar):
    """k times the threshold, less the threshold k times, is often below zero: it depends on the threshold's digits."""
    networks, inputs = [random_layers(SIZES, seed) for seed in range(6)], INPUTS.astype(number_format)
    if number_format == "float32":
        networks = [[in_float32(layer) for layer in layers] for layers in networks]
    shares = {
        counter: [
            wrong(PascForm(5, counter).codes(layers, inputs), codes_of_the_ann(layers, inputs, 5))
            for layers in networks
        ]
        for counter in (True, False)
    }
    assert np.mean(shares[True]) > bar
    assert max(shares[False]) == 0


def test_table_3_2_row_2_an_absolute_tolerance_misrounds_small_activations():
    large, small = pasc(tolerance=8e-5), pasc(SMALL, tolerance=8e-5)
    assert 0 < large < small
    assert small > 0.01


def test_table_3_2_row_4_the_quantiser_needs_its_levels():
    assert pasc(first_unit=lambda bound, levels: bound) > 0.2


def test_table_3_2_row_5_a_step_gets_its_own_spikes():
    """Printed: the total ``z W`` in the formula of one step, in the place of ``z_i W``."""
    assert pasc(arriving=lambda train: [np.sum(train, axis=0)] * len(train)) > 0.2


def test_table_3_2_row_7_a_mean_readout_changes_probabilities():
    logits = torch.tensor([2.0, 0.5, -1.0])
    total, mean = logits.softmax(0), (logits / 8).softmax(0)
    assert torch.equal(total.argsort(), mean.argsort())
    assert (total - mean).abs().max() > 0.1


def quantised_graph(levels: int, layers=LAYERS) -> iso.Graph:
    """`LAYERS` as a captured network with learned bounds."""
    modules: dict[str, nn.Module] = {}
    for index, layer in enumerate(layers):
        linear, norm = nn.Linear(*reversed(layer.weight.shape)), nn.BatchNorm1d(len(layer.bias), eps=0.0)
        linear.weight.data, linear.bias.data = torch.from_numpy(layer.weight), torch.from_numpy(layer.bias)
        norm.weight.data, norm.bias.data = torch.from_numpy(layer.gamma), torch.from_numpy(layer.beta)
        norm.running_mean, norm.running_var = torch.from_numpy(layer.mu), torch.from_numpy(layer.sigma**2)
        modules |= {f"linear{index}": linear, f"norm{index}": norm}
    modules["head"] = nn.Linear(SIZES[-1], 3)

    def forward(n, x):
        for index in range(len(layers)):
            x = getattr(n, f"norm{index}")(getattr(n, f"linear{index}")(x)).relu()
        return n.head(x)

    graph = iso.capture(Network(forward, modules).double().eval(), torch.from_numpy(INPUTS[:2]))
    for node, layer in zip(graph.nodes_with(Role.ACTIVATION), layers, strict=True):
        graph.replace(node, QuantisedActivation(torch.tensor(layer.bound, dtype=torch.float64), levels))
    return graph


@pytest.mark.parametrize("executor", ["stepped", "collapsed"])
@pytest.mark.parametrize("levels", [8, 15, 19])
@pytest.mark.parametrize("method", [iso.methods.BitCoded(), iso.methods.Pascal()], ids=lambda m: m.name())
def test_the_library_is_wrong_nowhere(method, levels, executor):
    snn = iso.convert(quantised_graph(levels), method, data=torch.from_numpy(INPUTS))
    run = iso.simulate(snn, torch.from_numpy(INPUTS), executor=executor, record=iso.Record(codes=True))
    assert snn.times.steps == (levels if method.name() == "pascal" else math.ceil(math.log2(levels + 1)))
    expected = codes_of_the_ann(LAYERS, INPUTS, levels)
    assert wrong([run.codes[site].numpy() for site in snn.sites], expected) == 0
