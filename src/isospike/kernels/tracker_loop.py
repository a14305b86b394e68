"""The rule of the streaming neurons in torch, one step after the other: the twin of the kernel in C."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

WORDS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Whole numbers as wide as a float, by bytes."""


class TrackerRule(NamedTuple):
    """Limits of the number of spikes: ``clip(demand, -min(down, n), up)``, see `isospike.neurons.Tracker`."""

    up: int
    down: int
    patient: bool
    powers_of_two: bool


def advance_by_torch(
    x: Tensor, out: Tensor, v: Tensor, n: Tensor | None, threshold: Tensor, biases: Tensor | None, rule: TrackerRule
) -> Tensor:
    """The operations of the kernel in the same order; see `isospike.kernels.track`."""
    counts = []
    for current, spikes in zip(each_step(x, biases), out.unbind(), strict=True):
        v.add_(current)
        _decide(v, n, threshold, spikes, rule)
        counts.append(count(spikes, rule.up))
        if n is not None:
            n.add_(spikes)
        spikes.mul_(threshold)
        v.sub_(spikes)
    if not counts:
        return x.new_zeros((2, *x.shape[:2]), dtype=torch.int64)
    return torch.stack([torch.stack(kind) for kind in zip(*counts, strict=True)]).long()


def _decide(v: Tensor, n: Tensor | None, threshold: Tensor, spikes: Tensor, rule: TrackerRule) -> None:
    """Write the numbers of spikes; not a number is no demand."""
    if rule.up == 1 and n is None:
        torch.ge(v, threshold, out=spikes)
        return
    # the threshold of a silent channel may be zero
    torch.div(v, threshold.clamp(min=torch.finfo(v.dtype).tiny), out=spikes)
    _ = spikes.trunc_() if rule.patient else spikes.floor_()
    lowest = v.new_zeros(()) if n is None else n.clamp(max=rule.down).neg_()
    torch.fmax(spikes, lowest, out=spikes)
    spikes.clamp_(max=rule.up)
    if rule.powers_of_two:
        # sign and exponent without the fraction
        spikes.view(WORDS[spikes.element_size()]).bitwise_and_(-round(1 / torch.finfo(spikes.dtype).eps))


def each_step(x: Tensor, biases: Tensor | None) -> Iterator[Tensor]:
    """Currents ``x_t + bias_t``, made when they are asked for: outputs may take the memory of ``x``."""
    if biases is None:
        return iter(x.unbind())
    own = biases.expand(len(x), *biases.shape[1:])
    return (current + bias for current, bias in zip(x.unbind(), own.unbind(), strict=True))


def count(spikes: Tensor, largest: int) -> tuple[Tensor, Tensor]:
    """Spikes and packets ``[B]`` of one step ``[B, ...]``, in a float type."""
    axes, wide = tuple(range(1, spikes.dim())), _count_dtype(spikes.dtype)
    total = spikes.abs().sum(axes, dtype=wide)
    return total, total if largest == 1 else (spikes != 0).sum(axes, dtype=wide)


def _count_dtype(dtype: torch.dtype) -> torch.dtype:
    """Whole numbers are exact in float32 up to 2^24 spikes a sample and step; half precision is not enough."""
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
