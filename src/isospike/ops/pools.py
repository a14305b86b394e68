"""Pools: from the arguments of their calls to modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from isospike.ops.record import Arguments, Build


def max_pool(kind: type[nn.MaxPool1d] | type[nn.MaxPool2d] | type[nn.MaxPool3d]) -> Build:
    """The maximum over windows."""

    def build(a: Arguments) -> nn.Module:
        kernel = tuple(a["kernel_size"])
        stride = tuple(a["stride"]) or kernel
        return kind(kernel, stride, tuple(a["padding"]), tuple(a["dilation"]), ceil_mode=a["ceil_mode"])

    return build


def adaptive(kind: Callable[[Any], nn.Module]) -> Build:
    """A pool to a given size."""
    return lambda a: kind(tuple(a["output_size"]))


def average_pool(kind: Callable[..., nn.Module]) -> Build:
    """The mean over windows."""

    def build(a: Arguments) -> nn.Module:
        kernel = tuple(a["kernel_size"])
        stride = tuple(a["stride"]) or kernel
        extra = {"divisor_override": a["divisor_override"]} if "divisor_override" in a else {}
        return kind(
            kernel,
            stride,
            tuple(a["padding"]),
            ceil_mode=a["ceil_mode"],
            count_include_pad=a["count_include_pad"],
            **extra,
        )

    return build
