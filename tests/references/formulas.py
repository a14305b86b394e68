"""Naive implementations written from the formulas alone: plain loops over exact fractions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

Number = Fraction
Image = dict[tuple[int, ...], Number]
"""Values by index: ``(c, y, x)`` or ``(f,)``."""


def image(array: Any) -> Image:
    """Exact values of a tensor without batch axis."""
    return {index: Fraction(array[index].item()) for index in itertools.product(*map(range, array.shape))}


def soft_reset(currents: Sequence[Number], theta: Number, v: Number) -> tuple[list[int], Number]:
    """Spikes of every step and the last membrane potential."""
    spikes = []
    for z in currents:
        v += z
        spikes.append(1 if v >= theta else 0)
        v -= theta * spikes[-1]
    return spikes, v


def clip_floor(x: Number, theta: Number, v: Number, steps: int) -> int:
    """``N(T) = clip(floor((v0 + T x) / theta), 0, T)``."""
    return min(max(math.floor((v + steps * x) / theta), 0), steps)


def convolve(x: Image, weight: Any, bias: Any, size: int, padding: int) -> Image:
    """A square convolution of stride 1 over ``size x size`` pixels."""
    out, inside, kernel = {}, {index[1:] for index in x}, weight.shape[2]
    reach = size + 2 * padding - kernel + 1
    for o, y, z in itertools.product(range(weight.shape[0]), range(reach), range(reach)):
        total = Fraction(bias[o].item())
        for c, i, j in itertools.product(range(weight.shape[1]), range(kernel), range(kernel)):
            at = (y + i - padding, z + j - padding)
            total += Fraction(weight[o, c, i, j].item()) * (x[(c, *at)] if at in inside else 0)
        out[(o, y, z)] = total
    return out


def multiply(x: Sequence[Number], weight: Any, bias: Any) -> Image:
    return {
        (o,): Fraction(bias[o].item()) + sum(Fraction(w.item()) * value for w, value in zip(weight[o], x, strict=True))
        for o in range(weight.shape[0])
    }


def windows(x: Image, kernel: int, stride: int, padding: int) -> dict[tuple[int, ...], list[tuple[int, ...]]]:
    """The input indices inside every window, row by row; what lies outside is left out."""
    channels, height, width = (max(axis) + 1 for axis in zip(*x, strict=True))
    rows = (height + 2 * padding - kernel) // stride + 1
    columns = (width + 2 * padding - kernel) // stride + 1
    found = {}
    for c, y, z in itertools.product(range(channels), range(rows), range(columns)):
        inside = itertools.product(
            range(y * stride - padding, y * stride - padding + kernel),
            range(z * stride - padding, z * stride - padding + kernel),
        )
        found[(c, y, z)] = [(c, *at) for at in inside if (c, *at) in x]
    return found


def running(frames: Sequence[Image]) -> list[Image]:
    sums: list[Image] = []
    for frame in frames:
        sums.append({at: value + (sums[-1][at] if sums else 0) for at, value in frame.items()})
    return sums


def cumulative(frames: Sequence[Image], *window: int) -> list[Image]:
    """``max_i Z_i(t) - max_i Z_i(t - 1)``, the first difference from zero."""
    maxima = [{at: max(z[i] for i in inside) for at, inside in windows(z, *window).items()} for z in running(frames)]
    before = [dict.fromkeys(maxima[0], Fraction(0)), *maxima]
    return [{at: now[at] - then[at] for at in now} for now, then in zip(maxima, before, strict=False)]


def instantaneous(frames: Sequence[Image], *window: int) -> list[Image]:
    """``max_i z_i,t``."""
    return [{at: max(z[i] for i in inside) for at, inside in windows(z, *window).items()} for z in frames]


def winner(frames: Sequence[Image], *window: int) -> list[Image]:
    """The unit with the largest sum so far passes; the first one among equals."""
    return [
        {at: z[max(inside, key=lambda i: total[i])] for at, inside in windows(z, *window).items()}
        for z, total in zip(frames, running(frames), strict=True)
    ]


POOLS: dict[str, Callable[..., list[Image]]] = {
    "cumulative": cumulative,
    "instantaneous": instantaneous,
    "winner": winner,
}


def balanced(theta: Number, currents: Sequence[Number], eta: Number) -> Number:
    """``theta + eta 2 mean(max(z - theta, 0))``."""
    return theta + 2 * eta * sum(max(z - theta, Fraction(0)) for z in currents) / len(currents)


def first_spike(means: Sequence[Number], thetas: Sequence[Number], v: Sequence[Number]) -> Number:
    """``min_i (theta_i - v_i(0)) / mean(relu(z_i))`` over the neurons that receive anything."""
    waits = [(theta - start) / mean for mean, theta, start in zip(means, thetas, v, strict=True) if mean > 0]
    return min(waits, default=Fraction(0))


def delayed_mean(outputs: Sequence[Number], delay: int) -> Number:
    """``t0 <- max(0, min(t0, T - 4))``; the mean of the outputs after it."""
    start = max(0, min(delay, len(outputs) - 4))
    return sum(outputs[start:], Fraction(0)) / (len(outputs) - start)


def code(x: Number, unit: Number, levels: int, phi: Number) -> int:
    """``clip(floor(x / u + phi), 0, K)``."""
    return min(max(math.floor(x / unit + phi), 0), levels)


def quantisation_error(values: Sequence[Number], theta: Number, levels: int, phi: Number) -> float:
    """The root of ``mean((u Q(x; u, K, phi) - x)^2)``, ``u = theta / K``."""
    unit = theta / levels
    errors = [(unit * code(x, unit, levels, phi) - x) ** 2 for x in values]
    return math.sqrt(sum(errors, Fraction(0)) / len(values))


def agreement(codes: Sequence[int], levels: int, alpha: Number) -> Number:
    """``A = 1 - (S - 1) / (B - 1)``, ``S`` the bins that hold at least ``alpha`` of all."""
    filled = [k for k in range(levels + 1) if codes.count(k) >= alpha * len(codes)]
    return 1 - Fraction(len(filled) - 1, levels)


def metric_of_levels(codes: Sequence[int], levels: int, alpha: Number) -> float:
    """``M = A (g^2 + 1) K`` of the samples; ``g^2`` is rational, so all of it is exact."""
    n, mean = len(codes), Fraction(sum(codes), len(codes))
    m3 = sum((x - mean) ** 3 for x in codes) / n
    variance = sum((x - mean) ** 2 for x in codes) / (n - 1)
    g2 = m3**2 / variance**3
    k = Fraction((n + 1) * n, (n - 1) * (n - 2) * (n - 3)) * sum((x - mean) ** 4 for x in codes) / variance**2
    return float(agreement(codes, levels, alpha) * (g2 + 1) * k)
