"""Convolutions and linear layers whose time follows the number of non-zero inputs."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isospike.errors import NativeError, SimulationError
from isospike.kernels.library import outcome
from isospike.kernels.operators import operator
from isospike.kernels.packing import BLOCK_BYTES, Packed, packed, two_axes
from isospike.memory_format import channels_last

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


def kernel_of(module: nn.Module, *, sparse: bool) -> SparseConvolution | None:
    """What computes a layer in the place of its module; ``None`` where the module does it best.

    Args:
        module: the layer.
        sparse: whether most of its inputs are zero.
    """
    if skips_zeros(module) and (sparse or isinstance(module, nn.Linear)):
        return SparseConvolution(module)
    return None


class SparseConvolution:
    """``y = W * x + b`` from the non-zero entries of ``x``: each output pixel gathers those in its window.

    The result equals the module's up to the order of summation. That order is fixed (tap, then input channel), so a
    sample gives the same bits in any batch and any chunk of time, which a dense convolution does not promise. The
    parameters are the module's at the time of the call.

    Args:
        module: a convolution that `skips_zeros` accepts, or a linear layer.
    """

    def __init__(self, module: nn.Conv1d | nn.Conv2d | nn.Linear) -> None:
        self.module = module

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs of a batch ``[N, ...]``; on a device or in a type without kernels torch's own layer computes.

        Raises:
            SimulationError: the parameters and the inputs do not fit each other.
        """
        layer = self.module
        places: Sequence[Any] = ([], [], [])
        if not isinstance(layer, nn.Linear):
            places = (layer.stride, layer.padding, layer.dilation)
        y: Tensor = _sparse_convolution(x, layer.weight, layer.bias, *places)
        return y


def convolve_by_torch(x: Tensor, weight: Tensor, bias: Tensor | None, *places: Sequence[int]) -> Tensor:
    """The twin of the kernel: torch's layer, chosen by the axes of the weights ``[out, in, ...]``.

    Channels are innermost in memory, as the kernel leaves them.
    """
    if weight.dim() == 2:
        return F.linear(x, weight, bias)
    stride, padding, dilation = places
    if weight.dim() == 3:
        y = F.conv1d(x, weight, bias, stride, padding, dilation)
        return y.transpose(1, 2).contiguous().transpose(1, 2)
    return channels_last(F.conv2d(x, weight, bias, stride, padding, dilation))


def _convolve_on_cpu(x: Tensor, weight: Tensor, bias: Tensor | None, *places: Sequence[int]) -> Tensor:
    """The kernel in C; torch where there is none for the type, or what is to be counted exceeds 32 bits."""
    library = outcome(x.dtype)
    if isinstance(library, NativeError) or x.numel() == 0 or _too_large(weight, x):
        return convolve_by_torch(x, weight, bias, *places)
    parameters = packed(weight, bias)
    if weight.dim() == 2:
        flat = x.reshape(-1, x.shape[-1], 1, 1)
        return _convolve(library, flat, weight, parameters, places).view(*x.shape[:-1], -1)
    if weight.dim() == 3:
        return _convolve(library, x.unsqueeze(2), weight, parameters, places).squeeze(2)
    return _convolve(library, x, weight, parameters, places)


def _convolve(
    library: ctypes.CDLL, x: Tensor, weight: Tensor, parameters: Packed, places: Sequence[Sequence[int]]
) -> Tensor:
    x = channels_last(x)
    shape = _shape(weight, x, places)
    _check(parameters, x, shape)
    size = (len(x), shape.channels_out, shape.height_out, shape.width_out)
    y = torch.empty(size, dtype=x.dtype, memory_format=torch.channels_last)

    elements, pixels = x[0].numel(), shape.height * shape.width
    images, parts = len(x), torch.get_num_threads()
    tile = min(-(-images // parts), max(1, TILE_ELEMENTS // elements))
    starts = torch.empty(parts * tile * (pixels + 1), dtype=torch.int32)
    rows = torch.empty(parts * (tile * elements + SPARE), dtype=torch.int32)
    values = torch.empty(len(rows), dtype=x.dtype)
    arrays, scratch = (x, parameters.weight, parameters.bias, y), (starts, rows, values)
    library.convolve(
        ctypes.byref(shape),
        *(tensor.data_ptr() for tensor in arrays),
        *(images, tile, parts),
        *(tensor.data_ptr() for tensor in scratch),
    )
    return y


def _shape(weight: Tensor, x: Tensor, places: Sequence[Sequence[int]]) -> _Shape:
    """Sizes as the weights have them."""
    kernel = two_axes(weight.shape[2:], 1)
    stride, padding, dilation = (two_axes(values, fill) for values, fill in zip(places, (1, 0, 1), strict=True))
    sides = zip(x.shape[2:], kernel, stride, padding, dilation, strict=True)
    out = [(n + 2 * p - d * (k - 1) - 1) // max(s, 1) + 1 for n, k, s, p, d in sides]
    return _Shape(*x.shape[2:], x.shape[1], len(weight), *kernel, *stride, *padding, *dilation, *out)


def _check(parameters: Packed, x: Tensor, shape: _Shape) -> None:
    """What the kernel reads lies inside what it is given.

    Raises:
        SimulationError: it does not.
    """
    blocks, taps_y, taps_x, inputs, lanes = parameters.weight.shape
    fits = (taps_y, taps_x, inputs) == (shape.kernel_y, shape.kernel_x, x.shape[1]) and x.dim() == 4
    fits &= blocks * lanes == len(parameters.bias) >= shape.channels_out
    fits &= parameters.weight.dtype == parameters.bias.dtype == x.dtype
    fits &= parameters.weight.is_cpu and parameters.bias.is_cpu
    fits &= min(shape.height_out, shape.width_out, shape.stride_y, shape.stride_x) > 0
    fits &= min(shape.padding_y, shape.padding_x) >= 0 and min(shape.dilation_y, shape.dilation_x) > 0
    if not fits:
        raise SimulationError(
            f"the parameters of a layer do not fit an input {list(x.shape)} of {x.dtype}: weights in blocks "
            f"{list(parameters.weight.shape)} of {parameters.weight.dtype}, bias {list(parameters.bias.shape)}"
        )


def _too_large(weight: Tensor, x: Tensor) -> bool:
    """Whether a sample or the weights have more numbers than the kernel can count, in 32 bits."""
    widest = max(x.numel() // len(x) + SPARE, len(x), weight.numel() * BLOCK_BYTES // max(1, len(weight)))
    return widest >= 2**31


_sparse_convolution = operator(
    "sparse_convolution(Tensor x, Tensor weight, Tensor? bias, int[] stride, int[] padding, int[] dilation) -> Tensor",
    torch_twin=convolve_by_torch,
    cpu=_convolve_on_cpu,
    shapes=convolve_by_torch,
)
