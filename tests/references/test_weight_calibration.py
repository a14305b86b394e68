"""Weight calibration and the whole advanced pipeline against naive gradients and networks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import spiking
import torch
from baseline_nets import DATA, NETS, TEST, Net, check_close, flat, maxima, neurons
from hypothesis import given, settings
from hypothesis import strategies as st
from spiking import Array, Layer

import isospike as iso
from isospike.neurons import streaming
from isospike.refine.weights import mean_output

STEPS, RATE = 8, 0.25


@given(st.integers(0, 2**31), st.sampled_from([1, 3, 8]), st.sampled_from([0.0, 0.25, 0.5]))
@settings(deadline=None, max_examples=40, derandomize=True)
def test_gradient_of_one_layer_is_the_formula_and_that_of_a_straight_through_floor(seed, steps, share):
    """dL/dW = 2/N sum_b (out - x) [0 < v0 + T z < T theta] s_b."""
    generator = torch.Generator().manual_seed(seed)
    s, weight, bias, x = (torch.rand(*shape, generator=generator).double() for shape in ((6, 5), (4, 5), (4,), (6, 4)))
    weight = (3 * weight - 1.5).requires_grad_()
    theta = (0.5 + torch.rand(4, generator=generator)).double()
    neuron = streaming["integrate-and-fire"](theta, share * theta)
    (mean_output(neuron, s @ weight.T + bias, steps) - x).square().mean().backward()

    current = s.numpy() @ weight.detach().numpy().T + bias.numpy()
    out, inside = spiking.straight_through(current, theta.numpy(), share * theta.numpy(), steps)
    formula = 2 / x.numel() * ((out - x.numpy()) * inside).T @ s.numpy()
    np.testing.assert_allclose(weight.grad.numpy(), formula, rtol=1e-12, atol=1e-14)  # sums of 6 float64 products

    twin = weight.detach().clone().requires_grad_()
    level = ((steps * (s @ twin.T + bias) + share * theta) / theta).clamp(0, steps)
    staircase = level + (level.floor() - level).detach()
    (theta / steps * staircase - x).square().mean().backward()
    np.testing.assert_allclose(twin.grad.numpy(), formula, rtol=1e-12, atol=1e-14)  # as above


def descended(
    layer: Layer, s: Array, x: Array, theta: Array, start: Array, bias: Array, shape: Sequence[int], conv: bool
) -> Array:
    """The weights ``shape`` of a layer after one step of gradient descent on the objective."""
    out, inside = spiking.straight_through(layer.currents(s) + bias, theta, start, STEPS)
    full = 2 / x.size * ((out - x) * inside).T @ s
    if not conv:
        return layer.weight - RATE * full
    tied = np.zeros(shape)
    outputs, inputs, kernel, _ = shape
    grid = full.reshape(outputs, 4, 4, inputs, 4, 4)
    own = layer.weight.reshape(outputs, 4, 4, inputs, 4, 4)
    weight = own[:, 1, 1, :, 0:kernel, 0:kernel].copy()  # an inner position sees the whole kernel
    for i, j, y, z in np.ndindex(kernel, kernel, 4, 4):
        row, column = y + i - 1, z + j - 1
        if 0 <= row < 4 and 0 <= column < 4:
            tied[:, :, i, j] += grid[:, y, z, :, row, column]
    return weight - RATE * tied


def advanced(net: Net, thetas: list[Array]) -> tuple[list[Layer], list[Array], list[Array]]:
    """Layers, starts and biases after one step of descent on all images and a potential for every neuron."""
    x, layers, starts = flat(net.images(DATA)), list(net.layers), [np.zeros_like(theta) for theta in thetas]
    biases, targets = [theta / (2 * STEPS) for theta in thetas], spiking.activations(net.layers, x)
    schedule = [[bias] * STEPS for bias in biases]
    modules = [m for m in net.model if hasattr(m, "weight")]
    for index, target in enumerate(targets):
        trains = spiking.run(layers[:index], thetas[:index], starts, x, STEPS, biases=schedule)
        s = np.mean(trains[-1], axis=0) if trains else x
        shape = tuple(modules[index].weight.shape)
        conv = len(shape) == 4
        weight = descended(layers[index], s, target, thetas[index], starts[index], biases[index], shape, conv)
        bias = modules[index].bias.detach().numpy()
        layers[index] = spiking.convolution(weight, bias, 4, 1) if conv else spiking.dense(weight, bias)
    for index, target in enumerate(targets):
        mean = np.mean(spiking.run(layers, thetas, starts, x, STEPS, biases=schedule)[index], axis=0)
        starts[index] = starts[index] + STEPS * (target - mean).mean(0)
    return layers, starts, biases


@pytest.mark.parametrize("name", NETS)
def test_advanced_calibration_with_one_step_of_descent(name):
    """Thresholds, shift, weights of one layer after the other on cached mean outputs, then potentials."""
    net = NETS[name]
    thetas = maxima(net, "channel")
    method = iso.methods.CalibrationAdvanced(
        steps=(STEPS,),
        scale="maximum",
        refine_images=8,
        refine_batch=8,
        iterations=1,
        learning_rate=RATE,
        optimiser="sgd",
    )
    snn = iso.convert(net.model, method, data=[net.images(DATA)]).at(STEPS)
    layers, starts, biases = advanced(net, thetas)
    found = [m.weight.detach().numpy() for m in snn.graph.modules() if hasattr(m, "weight")]
    for weight, layer, before in zip(found, layers, net.layers, strict=True):
        own = spiking.convolution(weight, np.zeros(len(weight)), 4, 1).weight if weight.ndim == 4 else weight
        # float64 gradients: sums of up to 128 products
        np.testing.assert_allclose(own, layer.weight, rtol=1e-11, atol=1e-12)
        assert (layer is before) == np.array_equal(own, before.weight)  # all but the read-out moved
    for neuron, start in zip(neurons(snn), starts, strict=True):
        np.testing.assert_allclose(neuron.v_init.flatten().numpy(), start, rtol=1e-11, atol=1e-12)
    x = net.images(TEST)
    schedule = [[bias] * STEPS for bias in biases]
    trains = spiking.run(layers, thetas, starts, flat(x), STEPS, biases=schedule)
    check_close(snn, x, STEPS, trains)
