"""Baseline methods as whole networks, through conversion and simulation, against naive ones: spike for spike.

Weights, biases and inputs are multiples of 1/8 and batches powers of two, so that currents, maxima and channel means
are exact in float64 and in numpy alike, whatever the order of the sums.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import spiking
import torch
from baseline_nets import (
    DATA,
    GUARD,
    NETS,
    STEPS,
    TEST,
    Net,
    build,
    check,
    check_close,
    check_thresholds,
    flat,
    maxima,
    neurons,
    per_neuron,
    simulated,
    zeros,
)
from spiking import Array

import isospike as iso
from isospike import methods
from isospike.activations import QCFS, Activation, Clip, SlipReLU
from isospike.neurons.probing import Probing


@pytest.fixture(params=NETS)
def net(request) -> Net:
    return NETS[request.param]


@pytest.mark.parametrize("by", ["layer", "channel"])
def test_opi_is_maximum_thresholds_and_half_of_them_at_the_start(net, by):
    thetas = maxima(net, by)
    snn = iso.convert(net.graph, methods.OPI(granularity=by), data=[net.images(DATA)])
    check_thresholds(snn, thetas, [theta / 2 for theta in thetas])
    x = net.images(TEST)
    check(snn, x, STEPS, spiking.run(net.layers, thetas, [theta / 2 for theta in thetas], flat(x), STEPS))


@pytest.mark.parametrize("steps", [4, 16])
def test_opt_adds_half_a_threshold_over_the_steps(net, steps):
    thetas = maxima(net, "channel")
    snn = iso.convert(net.graph, methods.Opt(steps=(2, steps)), data=[net.images(DATA)]).at(steps)
    check_thresholds(snn, thetas, zeros(thetas))
    x, biases = net.images(TEST), [[theta / (2 * steps)] * steps for theta in thetas]
    check(snn, x, steps, spiking.run(net.layers, thetas, zeros(thetas), flat(x), steps, biases=biases))


def test_snm_has_a_threshold_for_every_neuron(net):
    thetas = maxima(net, "neuron", DATA, DATA + 1, DATA + 2, DATA + 3)
    # neurons that never fire on these images have the largest threshold of their layer
    thetas = [np.where(theta > 0, theta, theta.max()) for theta in thetas]
    snn = iso.convert(net.graph, methods.SNM(), data=[net.images(DATA + n) for n in range(4)])
    for found, wanted in zip(per_neuron(snn, "v_threshold"), thetas, strict=True):
        assert np.array_equal(found, wanted)
    x = net.images(TEST)
    expected = spiking.run(net.layers, thetas, zeros(thetas), flat(x), STEPS, spiking.signed_with_memory)
    check(snn, x, STEPS, expected)
    assert any((np.stack(train) < 0).any() for train in expected[:-1])


@pytest.mark.parametrize("most", [2, 5])
def test_burst_sends_packets(net, most):
    method = methods.Burst(largest=most, percentile=90.0)
    snn = iso.convert(net.graph, method, data=[net.images(DATA)])
    thetas = per_neuron(snn, "v_threshold")
    values = spiking.activations(net.layers, flat(net.images(DATA)))
    for theta, a in zip(thetas, values, strict=True):
        # one bin of a histogram of at least 1024 up to a power of two
        assert abs(theta[0] - np.quantile(a, 0.9, method="inverted_cdf")) <= 2 * a.max() / 1024
    x = net.images(TEST)
    expected = spiking.run(net.layers, thetas, zeros(thetas), flat(x), STEPS, spiking.burst(most))
    check_close(snn, x, STEPS, expected)
    assert max((train / theta).max() for train, theta in zip(map(np.stack, expected), thetas, strict=False)) > 1


@pytest.mark.parametrize("most", [1, 2])
def test_buffered_neurons_take_spikes_back(net, most):
    thetas = [theta / most for theta in maxima(net, "channel")]
    snn = iso.convert(net.graph, methods.Buffered(largest=most), data=[net.images(DATA)])
    check_thresholds(snn, thetas, [theta / 2 for theta in thetas])
    x = net.images(TEST)
    starts = [theta / 2 for theta in thetas]
    check(snn, x, STEPS, spiking.run(net.layers, thetas, starts, flat(x), STEPS, spiking.buffered(most)))


RESETS = {"soft": spiking.soft_reset, "hard": spiking.hard_reset}


@pytest.mark.parametrize("reset", RESETS)
def test_spike_norm_balances_layer_after_layer(net, reset):
    thetas = spiking.spike_norm(net.layers, flat(net.images(DATA)), 12, RESETS[reset])
    method = methods.SpikeNorm(reset=reset, calibration_steps=12)
    snn = iso.convert(net.graph, method, data=[net.images(DATA)])
    check_thresholds(snn, thetas, zeros(thetas))
    x = net.images(TEST)
    check(snn, x, STEPS, spiking.run(net.layers, thetas, zeros(thetas), flat(x), STEPS, RESETS[reset]))


def test_rmp_is_spike_norm_with_a_factor(net):
    thetas = spiking.spike_norm(net.layers, flat(net.images(DATA)), 12, spiking.soft_reset, 0.75)
    snn = iso.convert(net.graph, methods.RMP(factor=0.75, calibration_steps=12), data=[net.images(DATA)])
    check_thresholds(snn, thetas, zeros(thetas))
    x = net.images(TEST)
    check(snn, x, STEPS, spiking.run(net.layers, thetas, zeros(thetas), flat(x), STEPS))


def test_spike_norm_of_several_batches_has_running_maxima(net):
    """On purpose not the pseudo-code, which runs everything again for every layer: one pass over the data."""
    batches = [net.images(DATA), net.images(DATA + 1)]
    snn = iso.convert(net.graph, methods.SpikeNorm(calibration_steps=12), data=batches)
    thetas = spiking.running_spike_norm(net.layers, [flat(x) for x in batches], 12)
    check_thresholds(snn, thetas, zeros(thetas))
    printed = spiking.spike_norm(net.layers, np.concatenate([flat(x) for x in batches]), 12, spiking.soft_reset)
    assert np.array_equal(thetas[0], printed[0])


def probing(net: Net, kind: type[methods.Method], probe: int) -> tuple[iso.SNN, list[Array], list[Array]]:
    """The network of a method that probes, its thresholds and starts."""
    thetas = maxima(net, "channel")
    method = kind(probe=probe, scale="maximum", granularity="channel")
    snn = iso.convert(net.graph, method, data=[net.images(DATA)])
    starts = [theta / 2 for theta in thetas]
    check_thresholds(snn, thetas, starts)
    return snn, thetas, starts


@pytest.mark.parametrize("probe", [4, 8])
def test_srp_silences_all_layers_together(net, probe):
    snn, thetas, starts = probing(net, methods.SRP, probe)
    x = net.images(TEST)
    expected, masks = spiking.srp(net.layers, thetas, starts, flat(x), probe, STEPS)
    found, answer = simulated(snn, x, probe + STEPS)
    for train, wanted in zip(found, expected, strict=True):
        assert np.array_equal(train, np.stack(wanted))
    np.testing.assert_allclose(answer.numpy(), np.mean(expected[-1][probe:], axis=0), rtol=1e-14, atol=1e-14)
    assert all(0 < mask.mean() < 1 for mask in masks)
    assert any(((np.stack(t[:probe]) > 0).any(0) & (m == 0)).any() for t, m in zip(expected, masks, strict=False))


@pytest.mark.parametrize("probe", [4, 8])
def test_cos_shifts_layer_after_layer(net, probe):
    snn, thetas, starts = probing(net, methods.COS, probe)
    x = net.images(TEST)
    expected, shifted = spiking.cos(net.layers, thetas, starts, flat(x), probe, STEPS)
    check_close(snn, x, probe + STEPS, expected, skipped=probe)
    assert shifted > 0
    silent, _ = simulated(snn, x, probe + STEPS)
    assert all(not train[:probe].any() for train in silent[:-1])  # the common clock: silence while a layer is probed


def test_cos_with_a_run_shorter_than_the_probe_probes_on_what_there_is():
    """On purpose not the paper's, which always has the whole probe: the train behind is all that a layer gets."""
    net = NETS["dense"]
    thetas = maxima(net, "layer")
    starts = [theta / 2 for theta in thetas]
    snn = iso.convert(net.graph, methods.COS(probe=8, scale="maximum"), data=[net.images(DATA)])
    x = net.images(TEST)
    expected, _ = spiking.cos(net.layers, thetas, starts, flat(x), 8, 3)
    check_close(snn, x, 8 + 3, expected, skipped=8)


@pytest.mark.parametrize("count", [1, 2])
def test_ftbc_subtracts_its_schedule(net, count):
    """Batch after batch, layer after layer, step after step; inference has the schedule alone."""
    batches = [net.images(DATA + n) for n in range(2)]
    thetas = maxima(net, "channel", DATA, DATA + 1)
    starts = [theta / 2 for theta in thetas]
    method = methods.FTBC(steps=(8,), iterations=count, scale="maximum")
    snn = iso.convert(net.graph, method, data=batches).at(8)
    check_thresholds(snn, thetas, starts)
    schedule = spiking.ftbc(net.layers, thetas, starts, [flat(x) for x in batches[:count]], 8, 0.5)
    shapes = {op.name: op.shape for op in snn.graph.ops}
    for site, neuron, wanted in zip(snn.sites, neurons(snn), schedule, strict=True):
        assert np.array_equal(-neuron.bias.expand(8, *shapes[site]).flatten(1).numpy(), np.stack(wanted))
    x, biases = net.images(TEST), [[-b for b in steps] for steps in schedule]
    check(snn, x, 8, spiking.run(net.layers, thetas, starts, flat(x), 8, biases=biases))


def calibrated_biases(net: Net, thetas: Sequence[Array], starts: Sequence[Array], steps: int) -> list[list[Array]]:
    """Light calibration: the whole network run anew for every layer."""
    biases = [[theta / (2 * steps)] * steps for theta in thetas]
    x = flat(net.images(DATA))
    for index, a in enumerate(spiking.activations(net.layers, x)):
        mean = np.mean(spiking.run(net.layers, thetas, starts, x, steps, biases=biases)[index], axis=0)
        correction = spiking.channel_means(net.layers[index], a - mean)
        biases[index] = [bias + correction for bias in biases[index]]
    return biases


def test_light_calibration_is_shift_and_mean_error(net):
    thetas = maxima(net, "channel")
    method = methods.CalibrationLight(steps=(8,), refine_images=8, scale="maximum")
    snn = iso.convert(net.graph, method, data=[net.images(DATA)]).at(8)
    check_thresholds(snn, thetas, zeros(thetas))
    biases = calibrated_biases(net, thetas, zeros(thetas), 8)
    x = net.images(TEST)
    check(snn, x, 8, spiking.run(net.layers, thetas, zeros(thetas), flat(x), 8, biases=biases))


TRAINED: dict[str, tuple[Activation, iso.methods.Method, float]] = {
    "qcfs": (QCFS(levels=4), methods.QCFS(), 0.5 + GUARD),
    "slip-relu-half": (SlipReLU(levels=4, mixture=0.4), methods.SlipReLU(), 0.5 + GUARD),
    "slip-relu-zero": (SlipReLU(levels=4, shift=0.0, lead=1.0), methods.SlipReLU(), GUARD),
    "rnl": (Clip(), methods.RNL(), 0.0),
}


def trained(name: str, activation: Activation) -> Net:
    """Every layer with its own bound, far from any multiple of 1/8."""
    return build(name, [activation.module(bound).double().eval() for bound in (1.237, 1.871, 2.113)])


@pytest.mark.parametrize("kind", TRAINED)
@pytest.mark.parametrize("name", NETS)
def test_trained_bounds_are_thresholds_and_trained_shifts_starts(name, kind):
    activation, method, phase = TRAINED[kind]
    net = trained(name, activation)
    snn = iso.convert(net.graph, method, data=[net.images(DATA)])
    bounds = [float(m.bound) for m in net.model if hasattr(m, "bound")]
    thetas = [np.full(len(layer.bias), bound) for layer, bound in zip(net.layers, bounds, strict=False)]
    check_thresholds(snn, thetas, [phase * theta for theta in thetas])
    x = net.images(TEST)
    expected = spiking.run(net.layers, thetas, [phase * theta for theta in thetas], flat(x), STEPS)
    check_close(snn, x, STEPS, expected)


def test_trained_bounds_of_channels():
    activation = QCFS(levels=4, granularity="channel")
    bounds = [torch.tensor(values).double() for values in ([1.237, 0.871, 2.113], [1.719, 1.043])]
    acts = [activation.module(bound.view(-1, 1, 1)).eval() for bound in bounds]
    net = build("conv", [*acts, QCFS(levels=4).module(1.513).double().eval()])
    snn = iso.convert(net.graph, methods.QCFS(), data=[net.images(DATA)])
    found = [m.bound.flatten().numpy() for m in net.model if hasattr(m, "bound")]
    thetas = [
        np.broadcast_to(bound, layer.bias.shape) if len(bound) == 1 else bound[layer.channel]
        for layer, bound in zip(net.layers, found, strict=False)
    ]
    starts = [(0.5 + GUARD) * theta for theta in thetas]
    check_thresholds(snn, thetas, starts)
    x = net.images(TEST)
    check_close(snn, x, STEPS, spiking.run(net.layers, thetas, starts, flat(x), STEPS))


@pytest.mark.parametrize("method", [methods.SRP, methods.COS])
def test_probing_networks_of_trained_bounds(method):
    net = trained("dense", QCFS(levels=4))
    snn = iso.convert(net.graph, method(probe=4), data=[net.images(DATA)])
    assert all(isinstance(neuron, Probing) for neuron in neurons(snn))
    bounds = [float(m.bound) for m in net.model if hasattr(m, "bound")]
    thetas = [np.full(len(layer.bias), bound) for layer, bound in zip(net.layers, bounds, strict=False)]
    starts = [(0.5 + GUARD) * theta for theta in thetas]
    x = net.images(TEST)
    if method is methods.COS:
        expected, _ = spiking.cos(net.layers, thetas, starts, flat(x), 4, STEPS)
    else:
        trains, _ = spiking.srp(net.layers, thetas, starts, flat(x), 4, STEPS)
        expected = [train[4:] for train in trains]
    check_close(snn, x, 4 + STEPS, expected, skipped=4)
