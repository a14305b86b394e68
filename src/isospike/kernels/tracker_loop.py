"""The rule of the streaming neurons in torch, one step after the other: the twin of the kernel in C."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

WORDS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Whole numbers as wide as a float, by bytes."""


class Rounding(enum.IntEnum):
    """How a potential in thresholds becomes a whole number; the kernel in C counts alike."""

    DOWN = 0
    """The floor."""
    TOWARDS_ZERO = 1
    """The whole part."""
    TO_POWER = 2
    """The nearest power of two, ``2^i`` from ``3/4 2^i`` on, of either sign; nothing below ``3/4``."""


class TrackerRule(NamedTuple):
    """Limits of the number of spikes: ``clip(demand, -min(down, n), up)``, see `isospike.neurons.Tracker`."""

    up: int
    down: int
    rounding: Rounding = Rounding.DOWN
    powers_of_two: bool = False
    digits: bool = False


def advance_by_torch(
    x: Tensor, out: Tensor, v: Tensor, n: Tensor | None, threshold: Tensor, biases: Tensor | None, rule: TrackerRule
) -> Tensor:
    """The operations of the kernel in the same order; see `isospike.kernels.track`."""
    counts = []
    for current, spikes in zip(each_step(x, biases), out.unbind(), strict=True):
        v.add_(current)
        _decide(v, n, threshold, spikes, rule)
        counts.append(count(spikes, rule.up, digits=rule.digits))
        if n is not None:
            n.add_(spikes)
        spikes.mul_(threshold)
        v.sub_(spikes)
    if not counts:
        return x.new_zeros((2, *x.shape[:2]), dtype=torch.int64)
    return torch.stack([torch.stack(kind) for kind in zip(*counts, strict=True)]).long()


def _decide(v: Tensor, n: Tensor | None, threshold: Tensor, spikes: Tensor, rule: TrackerRule) -> None:
    """Write the numbers of spikes; not a number is no demand."""
    if rule.up == 1 and not rule.down and n is None:
        torch.ge(v, threshold, out=spikes)
        return
    # the threshold of a silent channel may be zero
    torch.div(v, threshold.clamp(min=torch.finfo(v.dtype).tiny), out=spikes)
    _round(spikes, rule)
    lowest = v.new_full((), -rule.down) if n is None else n.clamp(max=rule.down).neg_()
    torch.fmax(spikes, lowest, out=spikes)
    spikes.clamp_(max=rule.up)
    if rule.powers_of_two:
        _keep_exponent(spikes, rounds=False)


def _round(ratio: Tensor, rule: TrackerRule) -> None:
    """Whole numbers of potentials in thresholds, in place."""
    if rule.rounding == Rounding.TO_POWER:
        torch.fmax(ratio, ratio.new_full((), -rule.up), out=ratio)
        _keep_exponent(ratio.clamp_(max=rule.up), rounds=True)
    _ = ratio.floor_() if rule.rounding == Rounding.DOWN else ratio.trunc_()


def _keep_exponent(values: Tensor, *, rounds: bool) -> None:
    """Powers of two with the sign of the values, in place: below them, or the nearest (from ``3/4`` of it on)."""
    words, fraction = values.view(WORDS[values.element_size()]), round(1 / torch.finfo(values.dtype).eps)
    if rounds:
        words.add_(fraction // 2)
    words.bitwise_and_(-fraction)


def each_step(x: Tensor, biases: Tensor | None) -> Iterator[Tensor]:
    """Currents ``x_t + bias_t``, made when they are asked for: outputs may take the memory of ``x``."""
    if biases is None:
        return iter(x.unbind())
    own = biases.expand(len(x), *biases.shape[1:])
    return (current + bias for current, bias in zip(x.unbind(), own.unbind(), strict=True))


def count(spikes: Tensor, largest: int, *, digits: bool = False) -> tuple[Tensor, Tensor]:
    """Spikes and packets ``[B]`` of one step ``[B, ...]``, in a float type; a spike for every binary digit if asked."""
    axes, wide = tuple(range(1, spikes.dim())), _count_dtype(spikes.dtype)
    total = (_ones(spikes.abs().int()) if digits else spikes.abs()).sum(axes, dtype=wide)
    return total, total if largest == 1 else (spikes != 0).sum(axes, dtype=wide)


def _ones(numbers: Tensor) -> Tensor:
    """How many ones the binary forms of 32-bit numbers have."""
    x = numbers - ((numbers >> 1) & 0x55555555)
    x = (x & 0x33333333) + ((x >> 2) & 0x33333333)
    x = (x + (x >> 4)) & 0x0F0F0F0F
    return (x + (x >> 8) + (x >> 16)) & 0x3F


def _count_dtype(dtype: torch.dtype) -> torch.dtype:
    """Whole numbers are exact in float32 up to 2^24 spikes a sample and step; half precision is not enough."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
