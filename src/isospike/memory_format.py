"""The memory layout that convolutions are fastest in."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isospike.inputs import NamedInputs, T


def channels_last(x: T) -> T:
    """``x`` with its channels innermost in memory where the rank allows; the values are the same."""
    if isinstance(x, NamedInputs):
        return x.map(channels_last)
    if x.dim() == 4:
        return x.contiguous(memory_format=torch.channels_last)
    return x


def weights_channels_last(module: nn.Module) -> None:
    """Lay out weights like `channels_last` inputs, or every convolution would reorder one of the two."""
    for parameter in module.parameters():
        if parameter.dim() == 4 and not parameter.is_contiguous(memory_format=torch.channels_last):
            parameter.data = channels_last(parameter.data)


def empty_sequence(x: Tensor) -> Tensor:
    """Uninitialised memory for a sequence shaped like ``x [T, B, ...]``, every step laid out like ``x[0]``.

    Steps follow each other in memory, so that ``flatten(0, 1)`` is a view.
    """
    last = x.dim() == 5 and x[0].is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if last else torch.contiguous_format
    shape = (x.shape[0] * x.shape[1], *x.shape[2:])
    flat = torch.empty(shape, dtype=x.dtype, device=x.device, memory_format=layout)
    sequence: Tensor = flat.unflatten(0, x.shape[:2])
    return sequence


def broadcasts_to(shape: torch.Size, sample: torch.Size) -> bool:
    """Whether a parameter has one value, or one for every position, on each axis of a sample, and no axis more."""
    aligned = (*(1,) * (len(sample) - len(shape)), *shape)
    return len(aligned) == len(sample) and all(a in (1, b) for a, b in zip(aligned, sample, strict=True))
