"""Convolutions and linear layers whose time follows the number of non-zero inputs."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from isospike.errors import NativeError, SimulationError
from isospike.memory_format import channels_last
from isospike.native.library import outcome

BLOCK_BYTES = 256
"""Output channels computed together, in bytes; the C source says the same."""
NARROWEST = 64
"""Fewest output channels of a convolution that are worth it. At 10 % non-zero inputs, time over that of the dense
convolution: 64 to 512 channels 0.28-0.36, 32 channels 0.9, 16 channels 2 (one thread, AVX-512, 3x3 kernels;
`benchmarks/density.py`)."""
TILE_ELEMENTS = 2**17
"""Input elements listed before the weights are read once: half a mebibyte, so that lists stay in the cache."""
SPARE = 16
"""Entries past the end of the lists that a vector store may touch."""


class _Shape(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_int32)
        for name in (
            *("height", "width", "channels_in", "channels_out", "kernel_y", "kernel_x", "stride_y", "stride_x"),
            *("padding_y", "padding_x", "dilation_y", "dilation_x", "height_out", "width_out"),
        )
    ]


@dataclass(frozen=True)
class _Packed:
    """Parameters in the layout of the kernel, and the tensors they were made from."""

    weight: Tensor
    bias: Tensor
    made_from: tuple[Any, ...]


def skips_zeros(module: nn.Module) -> TypeGuard[nn.Conv1d | nn.Conv2d | nn.Linear]:
    """Whether `SparseConvolution` can stand in for the module, and should where few inputs are not zero.

    A convolution should where it pays off. A linear layer always should, for the fixed order of its sums: BLAS sums
    the product of one row and that of T rows in different orders, and a neuron at its threshold tells the difference.
    """
    if isinstance(module, nn.Linear):
        return True
    if not isinstance(module, nn.Conv1d | nn.Conv2d) or len(module.weight) < NARROWEST:
        return False
    return module.groups == 1 and module.padding_mode == "zeros" and not isinstance(module.padding, str)


class SparseConvolution:
    """``y = W * x + b`` from the non-zero entries of ``x``: each output pixel gathers those in its window.

    The result equals the module's up to the order of summation. That order is fixed (tap, then input channel), so a
    sample gives the same bits in any batch and any chunk of time, which a dense convolution does not promise.
    Parameters that were moved, replaced or changed in place are noticed; writes through ``.data`` are not.

    Args:
        module: a convolution that `skips_zeros` accepts, or a linear layer.
    """

    def __init__(self, module: nn.Conv1d | nn.Conv2d | nn.Linear) -> None:
        self.module = module
        self._packed: _Packed | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs of a batch ``[N, ...]``; on a device or in a type without kernels the module itself computes.

        Raises:
            SimulationError: the parameters and the inputs do not fit each other.
        """
        library = outcome(x.dtype)
        if isinstance(library, NativeError) or x.device.type != "cpu" or x.numel() == 0 or _too_large(self.module, x):
            result: Tensor = self.module(x)
            return result
        if isinstance(self.module, nn.Linear):
            flat = x.reshape(-1, x.shape[-1], 1, 1)
            return self._convolve(library, flat).view(*x.shape[:-1], -1)
        if isinstance(self.module, nn.Conv1d):
            return self._convolve(library, x.unsqueeze(2)).squeeze(2)
        return self._convolve(library, x)

    def _convolve(self, library: ctypes.CDLL, x: Tensor) -> Tensor:
        x, packed = channels_last(x), self._parameters()
        shape = _shape(self.module, x)
        _check(self.module, packed, x, shape)
        size = (len(x), shape.channels_out, shape.height_out, shape.width_out)
        y = torch.empty(size, dtype=x.dtype, memory_format=torch.channels_last)

        elements, pixels = x[0].numel(), shape.height * shape.width
        images, parts = len(x), torch.get_num_threads()
        tile = min(-(-images // parts), max(1, TILE_ELEMENTS // elements))
        starts = torch.empty(parts * tile * (pixels + 1), dtype=torch.int32)
        rows = torch.empty(parts * (tile * elements + SPARE), dtype=torch.int32)
        values = torch.empty(len(rows), dtype=x.dtype)
        arrays, scratch = (x, packed.weight, packed.bias, y), (starts, rows, values)
        library.convolve(
            ctypes.byref(shape),
            *(tensor.data_ptr() for tensor in arrays),
            *(images, tile, parts),
            *(tensor.data_ptr() for tensor in scratch),
        )
        return y

    def _parameters(self) -> _Packed:
        """Packed parameters, packed again when the module's have changed other than through ``.data``."""
        weight, bias = self.module.weight, self.module.bias
        now = tuple(_version(p) for p in (weight, bias) if p is not None)
        if self._packed is None or self._packed.made_from != now:
            self._packed = _pack(weight.detach(), None if bias is None else bias.detach(), now)
        return self._packed


def _version(parameter: Tensor) -> tuple[Any, ...]:
    """What differs once a parameter was moved, replaced or changed in place; inference tensors count no changes."""
    changes = 0 if parameter.is_inference() else parameter._version
    return id(parameter), parameter.data_ptr(), parameter.dtype, changes


def _pack(weight: Tensor, bias: Tensor | None, made_from: tuple[Any, ...]) -> _Packed:
    """Weights ``[out, in, ky, kx]`` as ``[block, ky, kx, in, lane]``, outputs padded to whole blocks."""
    if not 2 <= weight.dim() <= 4 or weight.numel() == 0:
        raise SimulationError(f"the weights of a layer have the shape {list(weight.shape)}; they are [out, in, ...]")
    weight = weight.reshape(*weight.shape[:2], *_pair(weight.shape[2:], 1))
    block = BLOCK_BYTES // weight.element_size()
    missing = -len(weight) % block
    padded = torch.cat([weight, weight.new_zeros(missing, *weight.shape[1:])])
    lanes = padded.unflatten(0, (-1, block)).permute(0, 3, 4, 2, 1).contiguous()
    values = weight.new_zeros(len(weight)) if bias is None else bias
    return _Packed(lanes, torch.cat([values, values.new_zeros(missing)]), made_from)


def _shape(module: nn.Conv1d | nn.Conv2d | nn.Linear, x: Tensor) -> _Shape:
    """Sizes as the weights have them."""
    kernel = _pair(module.weight.shape[2:], 1)
    if isinstance(module, nn.Linear):
        stride, padding, dilation = (1, 1), (0, 0), (1, 1)
    else:
        stride, padding, dilation = _pair(module.stride, 1), _pair(module.padding, 0), _pair(module.dilation, 1)
    sides = zip(x.shape[2:], kernel, stride, padding, dilation, strict=True)
    out = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sides]
    return _Shape(*x.shape[2:], x.shape[1], len(module.weight), *kernel, *stride, *padding, *dilation, *out)


def _pair(values: Sequence[Any], fill: int) -> tuple[int, int]:
    """Two values for height and width; what has one axis has height one, what has none one pixel."""
    filled = (fill, fill, *values)
    return filled[-2], filled[-1]


def _check(module: nn.Module, packed: _Packed, x: Tensor, shape: _Shape) -> None:
    """What the kernel reads lies inside what it is given.

    Raises:
        SimulationError: it does not.
    """
    blocks, taps_y, taps_x, inputs, lanes = packed.weight.shape
    fits = (taps_y, taps_x, inputs) == (shape.kernel_y, shape.kernel_x, x.shape[1]) and x.dim() == 4
    fits &= blocks * lanes == len(packed.bias) >= shape.channels_out
    fits &= packed.weight.dtype == packed.bias.dtype == x.dtype and packed.weight.is_cpu and packed.bias.is_cpu
    fits &= min(shape.height_out, shape.width_out, shape.stride_y, shape.stride_x) > 0
    fits &= min(shape.padding_y, shape.padding_x) >= 0 and min(shape.dilation_y, shape.dilation_x) > 0
    if not fits:
        raise SimulationError(
            f"the parameters of a {type(module).__name__} do not fit an input {list(x.shape)} of {x.dtype}: weights in "
            f"blocks {list(packed.weight.shape)} of {packed.weight.dtype}, bias {list(packed.bias.shape)}"
        )


def _too_large(module: nn.Conv1d | nn.Conv2d | nn.Linear, x: Tensor) -> bool:
    """Whether a sample or the weights have more numbers than the kernel can count, in 32 bits."""
    widest = max(x.numel() // len(x) + SPARE, len(x), module.weight.numel() * BLOCK_BYTES // len(module.weight))
    return widest >= 2**31
