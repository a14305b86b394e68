"""Where a value of an exact network lies on the grid."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

BUDGET = 52
"""Binary digits of a sum: float64 has 53; one is left for the division by the unit."""
ONE = torch.ones((), dtype=torch.float64)
"""The scale of a value that is kept as it is."""


@dataclass(frozen=True)
class GridValue:
    """A value is ``scale`` times a number that is kept: a multiple of ``2^-fraction`` of at most ``largest``."""

    scale: Tensor
    """float64, without axes if uniform, else ``[1, ...]`` in the shape of the value; later layers take it up."""
    fraction: int
    largest: float
    """Bound of the magnitude of the number and of every partial sum that made it."""
    scale_parts: tuple[Tensor, ...] | None = None
    """The scales of an op with several results."""

    @property
    def is_plain(self) -> bool:
        """Whether the scale is one."""
        return self.scale.dim() == 0 and self.scale.item() == 1

    @property
    def magnitude(self) -> float:
        """Bound of the value itself."""
        return self.scale.abs().max().item() * self.largest

    def full_scale(self, shape: tuple[int, ...]) -> Tensor:
        """The scale in the shape ``[1, ...]`` of the value."""
        return self.scale.expand(1, *shape)


def per_channel(scale: Tensor) -> Tensor | None:
    """One number per channel, ``[C]``, of a scale ``[1, C, ...]`` that is the same for all positions; or just one."""
    if scale.dim() == 0:
        return scale
    flat = scale.flatten(2) if scale.dim() > 2 else scale.unsqueeze(-1)
    first = flat[..., :1]
    return first.flatten() if torch.equal(flat, first.expand_as(flat)) else None


def spread(channels: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The scale of a value ``[C, ...]`` of one number per channel; or just one."""
    return channels.view(1, -1, *(1,) * (len(shape) - 1)).expand(1, *shape) if channels.dim() else channels


def digits_of(largest: float) -> int:
    """Binary digits in front of the point."""
    return math.ceil(math.log2(largest)) if largest > 0 else 0


def rounded_to(tensor: Tensor, fraction: int) -> Tensor:
    """The nearest multiples of ``2^-fraction``; float64 numbers of any use are multiples of ``2^-500`` as they are."""
    if fraction > 500:
        return tensor
    return (tensor * 2.0**fraction).round() * 2.0**-fraction


def exact_fraction(tensor: Tensor) -> int | None:
    """The least number of digits behind the point, up to a few, that needs no rounding; ``None`` if there is none."""
    few = range(9)
    return next((fraction for fraction in few if bool((rounded_to(tensor, fraction) == tensor).all())), None)
