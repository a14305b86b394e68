"""The operators are what torch expects of one, and the kernels in C give the integers of their twins in torch."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.library import opcheck

from isospike.kernels import availability
from isospike.kernels.code_counts import count_by_torch
from isospike.kernels.tracker_loop import Rounding, TrackerRule, advance_by_torch

RULES = [
    *(TrackerRule(1, 0), TrackerRule(5, 0), TrackerRule(1, 1, Rounding.TOWARDS_ZERO)),
    *(
        TrackerRule(8, 8, powers_of_two=True),
        TrackerRule(8, 8, Rounding.TO_POWER, True),
        TrackerRule(15, 15, digits=True),
    ),
]
"""Integrate-and-fire, burst, signed memory, buffered, multi-threshold, graded in binary digits."""
Tensors = tuple[Tensor, Tensor, Tensor, Tensor | None, Tensor, Tensor | None]


def neurons(rule: TrackerRule, dtype: torch.dtype, *, bounded: bool = True) -> Tensors:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 3, 6, 5, 5, generator=generator, dtype=dtype)
    n = torch.zeros_like(x[0]) if rule.down and bounded else None
    return x, torch.empty_like(x), torch.zeros_like(x[0]), n, torch.full((6, 1, 1), 0.4, dtype=dtype), None


def layers() -> dict[str, tuple[Tensor, Tensor, Tensor | None, list[int], list[int], list[int]]]:
    generator = torch.Generator().manual_seed(0)
    random = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731
    return {
        "linear": (random(3, 7), random(70, 7), random(70), [], [], []),
        "conv1d": (random(3, 7, 9), random(70, 7, 3), None, [2], [1], [1]),
        "conv2d": (random(3, 7, 9, 8), random(70, 7, 3, 2), random(70), [1, 2], [0, 1], [2, 1]),
    }


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_tracker(rule, dtype):
    opcheck(torch.ops.isospike.track.default, (*neurons(rule, dtype), *rule))


@pytest.mark.parametrize("name", layers())
def test_the_layers(name):
    opcheck(torch.ops.isospike.sparse_convolution.default, layers()[name])


def test_the_counts():
    opcheck(torch.ops.isospike.count_codes.default, (torch.randint(0, 8, (3, 4, 5, 5)).float(), 7))


@pytest.mark.skipif(availability() is not None, reason=f"no native kernels: {availability()}")
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("bounded", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernel_and_twin_give_the_same_integers(rule, dtype, bounded):
    ours, theirs = (neurons(rule, dtype, bounded=bounded) for _ in range(2))
    counts = torch.ops.isospike.track(*ours, *rule)
    assert torch.equal(counts, advance_by_torch(*theirs, rule))
    for a, b in zip(ours[1:4], theirs[1:4], strict=True):
        assert a is b is None or torch.equal(a, b)
    codes = torch.randint(0, 16, (5, 3, 8, 8), generator=torch.Generator().manual_seed(1)).to(dtype)
    assert torch.equal(torch.ops.isospike.count_codes(codes, 15), count_by_torch(codes, 15))


@pytest.mark.parametrize("name", layers())
def test_shapes_without_numbers(name):
    given = layers()[name]
    shapes = torch.ops.isospike.sparse_convolution(*(t.to("meta") if isinstance(t, Tensor) else t for t in given))
    assert shapes.is_meta
    assert shapes.shape == torch.ops.isospike.sparse_convolution(*given).shape
