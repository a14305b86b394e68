"""Whole spiking networks, naive: numpy matrices, the papers' pseudo-code line by line, nothing of isospike.

Arrays are ``[B, neurons]``, trains lists of them over time, thresholds and starts one value per neuron. A spike is
worth its threshold. The last layer has no neurons.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Array = np.ndarray
Train = list[Array]
Rule = Callable[[float, int, float], tuple[int, float]]
"""From potential, net spikes so far and threshold to spikes and potential."""


@dataclass(frozen=True)
class Layer:
    weight: Array
    """``[neurons, inputs]``"""
    bias: Array
    channel: Array
    """Channel of every neuron."""

    def currents(self, x: Array) -> Array:
        return x @ self.weight.T + self.bias


def dense(weight: Array, bias: Array) -> Layer:
    return Layer(weight, bias, np.arange(len(bias)))


def convolution(weight: Array, bias: Array, size: int, padding: int) -> Layer:
    """A square convolution of stride 1 as a matrix; rows and columns in the order channel, y, x."""
    outputs, inputs, kernel, _ = weight.shape
    reach = size + 2 * padding - kernel + 1
    matrix = np.zeros((outputs, reach, reach, inputs, size, size))
    for o, c, y, x, i, j in itertools.product(*map(range, (outputs, inputs, reach, reach, kernel, kernel))):
        row, column = y + i - padding, x + j - padding
        if 0 <= row < size and 0 <= column < size:
            matrix[o, y, x, c, row, column] = weight[o, c, i, j]
    channel = np.repeat(np.arange(outputs), reach * reach)
    return Layer(matrix.reshape(len(channel), -1), bias[channel], channel)


def activations(layers: Sequence[Layer], x: Array) -> list[Array]:
    """The ReLU network's, of every layer but the last."""
    found = []
    for layer in layers[:-1]:
        x = np.maximum(layer.currents(x), 0)
        found.append(x)
    return found


def maxima(layers: Sequence[Layer], values: Sequence[Array], by: str) -> list[Array]:
    """Largest value of a layer, of every channel or of every neuron."""
    found = []
    for layer, value in zip(layers[:-1], values, strict=True):
        largest = value.max(0)
        if by == "channel":
            largest = np.array([largest[layer.channel == c].max() for c in layer.channel])
        found.append(np.full_like(largest, largest.max()) if by == "layer" else largest)
    return found


def channel_means(layer: Layer, error: Array) -> Array:
    """Mean over batch and space, given back to every neuron of the channel."""
    return np.array([error[:, layer.channel == c].mean() for c in layer.channel])


# the neurons


def soft_reset(v: float, n: int, theta: float) -> tuple[int, float]:
    return (1, v - theta) if v >= theta else (0, v)


def hard_reset(v: float, n: int, theta: float) -> tuple[int, float]:
    return (1, 0.0) if v >= theta else (0, v)


def burst(most: int) -> Rule:
    def rule(v: float, n: int, theta: float) -> tuple[int, float]:
        s = min(max(math.floor(v / theta), 0), most)
        return s, v - theta * s

    return rule


def signed_with_memory(v: float, n: int, theta: float) -> tuple[int, float]:
    if v >= theta:
        return 1, v - theta
    if v <= -theta and n > 0:
        return -1, v + theta
    return 0, v


def buffered(most: int) -> Rule:
    def adj(x: int) -> int:
        return 2 ** math.floor(math.log2(min(x, most)))

    def rule(v: float, n: int, theta: float) -> tuple[int, float]:
        s = 0
        if v >= theta:
            s = adj(math.floor(v / theta))
        elif v < 0 and n >= 1:
            s = -adj(min(math.ceil(-v / theta), n))
        return s, v - theta * s

    return rule


def emit(
    currents: Train, theta: Array, start: Array, rule: Rule = soft_reset, bias: Sequence[Array] | None = None
) -> Train:
    """The train of one layer; ``bias`` has one current for every step."""
    out = [np.zeros_like(z) for z in currents]
    for b, i in np.ndindex(currents[0].shape):
        v, n = float(start[i]), 0
        for t, z in enumerate(currents):
            v += z[b, i] if bias is None else z[b, i] + bias[t][i]
            s, v = rule(v, n, float(theta[i]))
            n += s
            out[t][b, i] = s * theta[i]
    return out


def run(
    layers: Sequence[Layer],
    thetas: Sequence[Array],
    starts: Sequence[Array],
    x: Array,
    steps: int,
    rule: Rule = soft_reset,
    biases: Sequence[Sequence[Array]] | None = None,
) -> list[Train]:
    """The trains of all layers that have thresholds, and of the read-out if it is among the layers."""
    trains, train = [], [x] * steps
    for index, layer in enumerate(layers):
        currents = [layer.currents(s) for s in train]
        if index == len(thetas):
            return [*trains, currents]
        bias = None if biases is None else biases[index]
        train = emit(currents, thetas[index], starts[index], rule, bias)
        trains.append(train)
    return trains


# probing


def srp(
    layers: Sequence[Layer], thetas: Sequence[Array], starts: Sequence[Array], x: Array, probe: int, steps: int
) -> tuple[list[Train], list[Array]]:
    """Residual membrane potential: all layers together, step by step; trains of probe and run, and the masks."""
    shapes = [(len(x), len(theta)) for theta in thetas]
    potentials = [np.broadcast_to(start, shape).copy() for start, shape in zip(starts, shapes, strict=True)]
    masks = [np.ones(shape) for shape in shapes]
    trains: list[Train] = [[] for _ in layers]
    for t in range(probe + steps):
        if t == probe:
            masks = [(v > 1e-3 * theta).astype(float) for v, theta in zip(potentials, thetas, strict=True)]
            potentials = [np.broadcast_to(start, shape).copy() for start, shape in zip(starts, shapes, strict=True)]
        s = x
        for index, layer in enumerate(layers):
            z = layer.currents(s)
            if index == len(thetas):
                trains[index].append(z)
                continue
            v = potentials[index] + z
            fires = v >= thetas[index]
            potentials[index] = v - thetas[index] * fires
            s = masks[index] * fires * thetas[index]
            trains[index].append(s)
    return trains, masks


def shifted_start(currents: Sequence[float], theta: float, start: float) -> float:
    """Calibrating offset spikes: where a neuron starts after a probe of ``len(currents)`` steps."""
    v, n, lowest, highest = start, 0, math.inf, -math.inf
    for z in currents:
        v += z
        if v >= theta:
            n, lowest = n + 1, min(lowest, v)
            v -= theta
        else:
            highest = max(highest, v)
    eps = 1e-3 * theta
    if v < 0 and n > 0:
        return start - max(theta, lowest - theta + eps)
    if v >= theta and n < len(currents):
        return start + max(theta, theta - highest + eps)
    return start


def cos(
    layers: Sequence[Layer], thetas: Sequence[Array], starts: Sequence[Array], x: Array, probe: int, steps: int
) -> tuple[list[Train], int]:
    """Layer by layer; trains of ``steps`` steps without those of the probe, and how many neurons were shifted."""
    trains, train, shifted = [], [x] * steps, 0
    for index, layer in enumerate(layers):
        currents = [layer.currents(s) for s in train]
        if index == len(thetas):
            return [*trains, currents], shifted
        theta, start = thetas[index], starts[index]
        train = [np.zeros_like(z) for z in currents]
        for b, i in np.ndindex(currents[0].shape):
            own = [z[b : b + 1, i : i + 1] for z in currents]
            begin = shifted_start([z.item() for z in own[:probe]], theta[i], start[i])
            shifted += begin != start[i]
            for t, s in enumerate(emit(own, theta[i : i + 1], np.array([begin]))):
                train[t][b, i] = s.item()
        trains.append(train)
    raise AssertionError


# thresholds and calibration


def spike_norm(layers: Sequence[Layer], x: Array, steps: int, rule: Rule, factor: float = 1.0) -> list[Array]:
    """For every layer: run those before it with their thresholds fixed; the largest current is its threshold."""
    thetas: list[Array] = []
    for layer in layers[:-1]:
        starts = [np.zeros_like(theta) for theta in thetas]
        trains = run(layers[: len(thetas)], thetas, starts, x, steps, rule)
        largest = max(layer.currents(s).max() for s in (trains[-1] if trains else [x] * steps))
        thetas.append(np.full(len(layer.bias), factor * max(largest, 0.0)))
    return thetas


def running_spike_norm(layers: Sequence[Layer], batches: Sequence[Array], steps: int) -> list[Array]:
    """Batch after batch, thresholds as running maxima."""
    thetas = [np.zeros(len(layer.bias)) for layer in layers[:-1]]
    for x in batches:
        train = [x] * steps
        for index, layer in enumerate(layers[:-1]):
            currents = [layer.currents(s) for s in train]
            thetas[index] = np.maximum(thetas[index], max(z.max() for z in currents))
            train = emit(currents, thetas[index], np.zeros_like(thetas[index]))
    return thetas


def ftbc(
    layers: Sequence[Layer],
    thetas: Sequence[Array],
    starts: Sequence[Array],
    batches: Sequence[Array],
    steps: int,
    rate: float,
) -> list[list[Array]]:
    """Forward temporal bias correction: what is subtracted at every step, by layer."""
    schedule = [[np.zeros_like(theta) for _ in range(steps)] for theta in thetas]
    for x in batches:
        train = [x] * steps
        for index, (layer, a) in enumerate(zip(layers[:-1], activations(layers, x), strict=True)):
            theta, v, emitted = thetas[index], starts[index], []
            for t in range(steps):
                moved = v + (layer.currents(train[t]) - schedule[index][t])
                error = theta * (moved >= theta) - a
                change = rate * channel_means(layer, error)
                corrected = moved - change
                emitted.append(theta * (corrected >= theta))
                v = corrected - emitted[-1]
                schedule[index][t] = schedule[index][t] + change
            train = emitted
    return schedule


def straight_through(current: Array, theta: Array, start: Array, steps: int) -> tuple[Array, Array]:
    """``theta / T clip(floor((v0 + T z) / theta), 0, T)``, and where its gradient passes."""
    unit = theta / steps
    level = (start + steps * current) / theta
    return unit * np.clip(np.floor(level), 0, steps), ((level > 0) & (level < steps)).astype(float)
