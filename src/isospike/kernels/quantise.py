"""The quantiser of accumulate-then-emit neurons, in one pass over the currents."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from isospike.kernels.library import outcome
from isospike.kernels.operators import operator
from isospike.kernels.tracker import SMALLEST_PART


def quantise_currents(z: Tensor, unit: Tensor, start: Tensor, *, worth: Tensor | None, low: int, high: int) -> Tensor:
    """``worth * clip(floor((z + start) / unit), low, high)``; without ``worth`` the whole numbers themselves.

    Args:
        z: currents ``[B, ...]``.
        unit: positive, broadcastable to one sample.
        start: broadcastable to one sample.
        worth: what a level counts, broadcastable to one sample.
        low: the smallest level.
        high: the largest level.
    """
    found: Tensor = _quantise(z, unit, start, worth, low, high)
    return found


def quantise_by_torch(z: Tensor, unit: Tensor, start: Tensor, worth: Tensor | None, low: int, high: int) -> Tensor:
    """The twin of the kernel; see `quantise_currents`."""
    codes = (z + start).div_(unit).floor_().clamp_(low, high)
    return codes if worth is None else codes.mul_(worth)


def _quantise_on_cpu(z: Tensor, unit: Tensor, start: Tensor, worth: Tensor | None, low: int, high: int) -> Tensor:
    library, layout = outcome(z.dtype), _layout(z, unit, start, worth)
    if not isinstance(library, ctypes.CDLL) or layout is None or not z.numel():
        return quantise_by_torch(z, unit, start, worth, low, high)
    outer, channels, inner, shape = layout
    ones = torch.ones((), dtype=z.dtype) if worth is None else worth
    rows = [parameter.expand(shape).reshape(-1).contiguous() for parameter in (unit, start, ones)]
    out = torch.empty_like(z)
    parts = max(1, min(torch.get_num_threads(), z.numel() // SMALLEST_PART))
    real = ctypes.c_float if z.dtype is torch.float32 else ctypes.c_double
    pointers = (z.data_ptr(), out.data_ptr(), *(row.data_ptr() for row in rows))
    library.quantise(*pointers, outer, channels, inner, real(low), real(high), parts)
    return out


def _layout(z: Tensor, *parameters: Tensor | None) -> tuple[int, int, int, tuple[int, ...]] | None:
    """Rows, channels and numbers behind each other of a channel, and the shape that parameters share.

    ``None`` where they differ along several axes, or where the currents lie in another order than that of their axes or
    with channels last.
    """
    known = [parameter for parameter in parameters if parameter is not None]
    if any(p.dtype is not z.dtype or p.device != z.device or p.dim() >= z.dim() for p in known):
        return None
    shape = torch.broadcast_shapes(*(tuple(p.shape) for p in known))
    aligned = (1,) * (z.dim() - len(shape)) + tuple(shape)
    axes = [axis for axis, size in enumerate(aligned) if size > 1]
    if len(axes) > 1 or any(aligned[axis] != z.shape[axis] for axis in axes):
        return None
    if z.is_contiguous():
        if not axes:
            return 1, 1, z.numel(), tuple(shape)
        (axis,) = axes
        inner = z[(0,) * (axis + 1)].numel()
        return z.numel() // (aligned[axis] * inner), aligned[axis], inner, tuple(shape)
    if z.dim() == 4 and z.is_contiguous(memory_format=torch.channels_last) and axes in ([], [1]):
        channels = aligned[1]
        return (z.numel() // channels, channels, 1, tuple(shape)) if axes else (1, 1, z.numel(), tuple(shape))
    return None


_quantise = operator(
    "quantise(Tensor z, Tensor unit, Tensor start, Tensor? worth, int low, int high) -> Tensor",
    torch_twin=quantise_by_torch,
    cpu=_quantise_on_cpu,
    shapes=lambda z, *_: torch.empty_like(z),
)
