"""Accumulate-then-emit neurons and networks, naive: loops over time in the papers' order, as corrected and as printed.

Exact fractions for single neurons; for networks plain float64 matrices, every step of every layer, with each part that
the papers print differently as an argument.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

Array = np.ndarray
PHASE = Fraction(2049, 4096)
"""1/2 + 2^-12, maths 7.3."""


def quantised(total: Fraction, unit: Fraction, levels: int, phase: Fraction = PHASE) -> int:
    """``clip(floor(z / u + phi), 0, K)``."""
    return min(max(math.floor(total / unit + phase), 0), levels)


def binary_digits(code: int, steps: int) -> list[int]:
    return [int(digit) for digit in format(code, f"0{steps}b")]


def bit_coded(currents: Sequence[Fraction], unit: Fraction, levels: int) -> list[int]:
    """Accumulate, shift, saturate, then one comparison a step, most significant bit first."""
    steps = math.ceil(math.log2(levels + 1))
    potential = sum(currents, Fraction(0)) + PHASE * unit
    potential = min(potential, (levels + Fraction(1, 2)) * unit) if levels < 2**steps - 1 else potential
    spikes = []
    for t in range(1, steps + 1):
        spikes.append(1 if potential >= unit * 2 ** (steps - t) else 0)
        potential -= spikes[-1] * unit * 2 ** (steps - t)
    return spikes


def pasc(currents: Sequence[Fraction], unit: Fraction, levels: int, missing: int = 0) -> tuple[list[int], int]:
    """The three stages; spikes and inhibitory events. ``missing``: steps left out of stage 2."""
    potential, count, inhibitory = PHASE * unit, 0, 0
    for current in currents:
        potential += current
        if potential >= unit:
            count, potential = count + 1, potential - unit
    for _ in range(max(len(currents), levels) - 1 - missing):
        if potential >= unit:
            count, potential = count + 1, potential - unit
        elif potential < 0:
            count, potential, inhibitory = count - 1, potential + unit, inhibitory + 1
    code = min(max(count, 0), levels)
    return [1 if t <= code else 0 for t in range(1, levels + 1)], inhibitory


@dataclass(frozen=True)
class Branch:
    """A linear layer that reads the train of one layer, -1 the image; in exact fractions."""

    source: int
    weight: list[list[Fraction]]
    bias: list[Fraction]

    def total(self, values: Sequence[Fraction], row: int) -> Fraction:
        return sum((w * x for w, x in zip(self.weight[row], values, strict=True)), Fraction(0))


@dataclass(frozen=True)
class PascLayer:
    """Neurons that sum up their branches."""

    branches: list[Branch]
    unit: Fraction
    levels: int


def pasc_network(layers: Sequence[PascLayer], image: Sequence[Fraction]) -> tuple[list[list[int]], list[int]]:
    """PASCAL, algorithms 1 and 2, for one image: codes and inhibitory spikes of every layer.

    What reads the image is quantised by algorithm 2. Every other branch brings ``b / L`` at each of the L steps of its
    own source (theorem 3.3) and nothing after them.
    """
    codes: list[list[int]] = []
    inhibitory: list[int] = []
    for layer in layers:
        trains = [_train(codes[b.source], layers[b.source]) if b.source >= 0 else [image] for b in layer.branches]
        steps = max(len(train) for train in trains)
        found, events = [], 0
        for row in range(len(layer.branches[0].bias)):
            currents = [Fraction(0)] * steps
            for branch, train in zip(layer.branches, trains, strict=True):
                for t, values in enumerate(train):
                    currents[t] += branch.total(values, row) + branch.bias[row] / len(train)
            if all(branch.source < 0 for branch in layer.branches):
                found.append(quantised(currents[0], layer.unit, layer.levels))
            else:
                spikes, inhibited = pasc(currents, layer.unit, layer.levels)
                found.append(sum(spikes))
                events += inhibited
        codes.append(found)
        inhibitory.append(events)
    return codes, inhibitory


def _train(codes: Sequence[int], layer: PascLayer) -> list[list[Fraction]]:
    return [[layer.unit * (code >= t) for code in codes] for t in range(1, layer.levels + 1)]


@dataclass(frozen=True)
class Layer:
    """A linear layer with a bias of its own, and a batch normalisation behind it."""

    weight: Array
    bias: Array
    gamma: Array
    beta: Array
    mu: Array
    sigma: Array
    bound: float

    def currents(self, x: Array, bias: Array, mu: Array, beta: Array) -> Array:
        return self.gamma / self.sigma * (x @ self.weight.T + bias - mu) + beta


def in_float32(layer: Layer) -> Layer:
    arrays = {name: value.astype(np.float32) for name, value in vars(layer).items() if name != "bound"}
    return Layer(**arrays, bound=layer.bound)


def random_layers(sizes: Sequence[int], seed: int, bound: float = 2.0) -> list[Layer]:
    random = np.random.default_rng(seed)
    return [
        Layer(
            weight=random.normal(0, 1.6 / math.sqrt(before), (size, before)),
            bias=random.normal(0, 0.2, size) * bound,
            gamma=random.uniform(0.6, 1.4, size),
            beta=random.normal(0.2, 0.3, size) * bound,
            mu=random.normal(0, 0.3, size) * bound,
            sigma=random.uniform(0.8, 1.2, size),
            bound=bound * random.uniform(0.7, 1.3),
        )
        for before, size in itertools.pairwise(sizes)
    ]


def codes_of_the_ann(layers: Sequence[Layer], x: Array, levels: int, phase: float = float(PHASE)) -> list[Array]:
    """The quantised ANN: ``k = clip(floor(z / u + phi), 0, K)``, ``a = u k``."""
    found = []
    for layer in layers:
        unit = layer.bound / levels
        found.append(np.clip(np.floor(layer.currents(x, layer.bias, layer.mu, layer.beta) / unit + phase), 0, levels))
        x = unit * found[-1]
    return found


def beta_of_a_step(layer: Layer, steps: int) -> Array:
    """With weights, own bias, gamma, sigma and mu kept, this beta at every step gives b'/T."""
    return layer.beta / steps + (1 - 1 / steps) * layer.gamma * (layer.mu - layer.bias) / layer.sigma


def beta_as_printed(layer: Layer, steps: int) -> Array:
    """maths 2.2, row 1: sigma printed as beta."""
    return layer.beta / steps + (1 - 1 / steps) * layer.gamma * layer.mu / layer.beta


@dataclass(frozen=True)
class BitCodedForm:
    """The bit-coded network; every default is the corrected form of maths 2.1."""

    levels: int
    steps: int
    beta: Callable[[Layer, int], Array] = beta_of_a_step
    first_beta: Callable[[Layer, int], Array] = lambda layer, steps: layer.beta
    weight: Callable[[int, int], float] = lambda t, steps: 2.0 ** (steps - t)
    threshold: Callable[[int, int], float] = lambda t, steps: 2.0 ** (steps - t)
    shift: float = float(PHASE)
    saturates: bool = True

    def codes(self, layers: Sequence[Layer], x: Array) -> list[Array]:
        """The numbers that every layer's spikes spell."""
        found: list[Array] = []
        train: list[Array] = []
        for index, layer in enumerate(layers):
            unit = layer.bound / self.levels
            if index == 0:
                potential = layer.currents(x, layer.bias, layer.mu, self.first_beta(layer, self.steps))
            else:
                step_beta = self.beta(layer, self.steps)
                potential = sum(layer.currents(spikes, layer.bias, layer.mu, step_beta) for spikes in train)
            spikes = self._emit(potential + self.shift * unit, unit)
            found.append(sum(s * 2.0 ** (self.steps - t) for t, s in enumerate(spikes, 1)))
            train = [s * unit * self.weight(t, self.steps) for t, s in enumerate(spikes, 1)]
        return found

    def _emit(self, potential: Array, unit: float) -> list[Array]:
        if self.saturates:
            potential = np.minimum(potential, (self.levels + 0.5) * unit)
        spikes = []
        for t in range(1, self.steps + 1):
            spikes.append((potential >= unit * self.threshold(t, self.steps)).astype(float))
            potential = potential - spikes[-1] * unit * self.threshold(t, self.steps)
        return spikes


@dataclass(frozen=True)
class PascForm:
    """The PASCAL network; every default is the corrected form of maths 3.1."""

    levels: int
    count_in_units: bool = False
    """As printed: a counter in multiples of the threshold, spikes while it is at least one threshold."""
    tolerance: float = 0.0
    """As released: spike if ``v - theta >= -tolerance``."""
    first_unit: Callable[[float, int], float] = lambda bound, levels: bound / levels
    arriving: Callable[[list[Array]], list[Array]] = lambda train: train
    """What enters a layer at every step, from the whole train of its source."""

    def codes(self, layers: Sequence[Layer], x: Array) -> list[Array]:
        found: list[Array] = []
        train: list[Array] = []
        for index, layer in enumerate(layers):
            unit = layer.bound / self.levels
            if index == 0:
                z = layer.currents(x, layer.bias, layer.mu, layer.beta)
                count = np.floor(z / self.first_unit(layer.bound, self.levels) + float(PHASE)) * self._event(unit)
            else:
                parts = (layer.bias / self.levels, layer.mu / self.levels, layer.beta / self.levels)
                count = self._count([layer.currents(spikes, *parts) for spikes in self.arriving(train)], unit)
            spikes = self._emit(count, unit)
            found.append(sum(spikes))
            train = [s * unit for s in spikes]
        return found

    def _event(self, unit: float) -> float:
        return unit if self.count_in_units else 1.0

    def _count(self, currents: list[Array], unit: float) -> Array:
        v = np.full_like(currents[0], float(PHASE) * unit)
        count = np.zeros_like(v)
        for current in currents:
            v = v + current
            fires = (v - unit >= -self.tolerance).astype(v.dtype)
            count, v = count + fires * self._event(unit), v - fires * unit
        for _ in range(max(len(currents), self.levels) - 1):
            event = (v - unit >= -self.tolerance).astype(v.dtype) - (v < -self.tolerance)
            count, v = count + event * self._event(unit), v - event * unit
        return count

    def _emit(self, count: Array, unit: float) -> list[Array]:
        spikes = []
        for _ in range(self.levels):
            spikes.append((count >= self._event(unit)).astype(count.dtype))
            count = count - spikes[-1] * self._event(unit)
        return spikes


def wrong(found: Sequence[Array], expected: Sequence[Array]) -> float:
    """Share of wrong codes over all layers."""
    return float(np.mean([np.mean(a != b) for a, b in zip(found, expected, strict=True)]))
