"""Weights in the layout of the kernel, made once for as long as they live and stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from isospike.errors import SimulationError

BLOCK_BYTES = 256
"""Output channels computed together, in bytes; the C source says the same."""


@dataclass(frozen=True)
class Packed:
    """Parameters in the layout of the kernel, and the tensors they were made from."""

    weight: Tensor
    bias: Tensor
    made_from: tuple[Any, ...]


_made = WeakTensorKeyDictionary()
"""By the weights: packing costs as much as a small layer, and a network in use is packed once."""


def packed(weight: Tensor, bias: Tensor | None) -> Packed:
    """Packed parameters, packed again when they were moved or changed in place; writes through ``.data`` go unseen.

    Raises:
        SimulationError: the weights are not ``[out, in, ...]`` with two axes at most behind.
    """
    now = tuple(version(p) for p in (weight, bias) if p is not None)
    found = _made.get(weight)
    if not isinstance(found, Packed) or found.made_from != now:
        found = _pack(weight.detach(), None if bias is None else bias.detach(), now)
        _made[weight] = found
    return found


def version(parameter: Tensor) -> tuple[Any, ...]:
    """What differs once a parameter was moved, replaced or changed in place; inference tensors count no changes."""
    changes = 0 if parameter.is_inference() else parameter._version
    return id(parameter), parameter.data_ptr(), parameter.dtype, changes


def _pack(weight: Tensor, bias: Tensor | None, made_from: tuple[Any, ...]) -> Packed:
    """Weights ``[out, in, ky, kx]`` as ``[block, ky, kx, in, lane]``, outputs padded to whole blocks."""
    if not 2 <= weight.dim() <= 4 or weight.numel() == 0:
        raise SimulationError(f"the weights of a layer have the shape {list(weight.shape)}; they are [out, in, ...]")
    weight = weight.reshape(*weight.shape[:2], *two_axes(weight.shape[2:], 1))
    block = BLOCK_BYTES // weight.element_size()
    missing = -len(weight) % block
    padded = torch.cat([weight, weight.new_zeros(missing, *weight.shape[1:])])
    lanes = padded.unflatten(0, (-1, block)).permute(0, 3, 4, 2, 1).contiguous()
    values = weight.new_zeros(len(weight)) if bias is None else bias
    return Packed(lanes, torch.cat([values, values.new_zeros(missing)]), made_from)


def two_axes(values: Sequence[Any], fill: int) -> tuple[int, int]:
    """Two values for height and width; what has one axis has height one, what has none one pixel."""
    filled = (fill, fill, *values)
    return filled[-2], filled[-1]
