"""How often every code occurs, in one pass over the codes."""

from __future__ import annotations

import ctypes

import torch
from torch import Tensor

from isospike.errors import SimulationError
from isospike.kernels.library import outcome
from isospike.kernels.operators import operator

TABLES = 8
"""Tables of counters of one thread; the C source says the same."""
MOST_BINS = 2**24
"""Values of a code that are counted: as many whole numbers as float32 has, without a gap."""
TOGETHER = 2**18
"""Codes that torch counts at once: their indices stay in the processor's cache."""
_NO_CODE = (
    "a neuron's code is not a number: its current was infinite or NaN; see that weights and inputs are moderate, and "
    "that no mask silences a whole row, whose softmax is not a number"
)


def code_histogram(codes: Tensor, levels: int) -> Tensor:
    """How often every code ``0 .. levels`` occurs in every sample.

    Args:
        codes: whole numbers ``[B, ...]`` in the type of the network.
        levels: the largest code K.

    Returns:
        int64 ``[B, K + 1]``.

    Raises:
        SimulationError: a value is NaN or outside ``0 .. levels``, or there are more levels than can be counted.
    """
    counts: Tensor = _count_codes(codes, levels)
    return counts


def _rows(codes: Tensor, levels: int) -> Tensor:
    """Codes of every sample in a row, in the order in which they lie: a view, also where channels are innermost."""
    if not 1 <= levels < MOST_BINS or codes.dim() < 1:
        raise SimulationError(
            f"codes {list(codes.shape)} of {levels} levels cannot be counted; 1 to {MOST_BINS - 1} can"
        )
    innermost = codes.dim() == 4 and not codes.is_contiguous()
    return (codes.movedim(1, -1) if innermost else codes).flatten(1)


def count_by_torch(codes: Tensor, levels: int) -> Tensor:
    """The twin of the kernel; see `code_histogram`."""
    rows = _rows(codes, levels)
    if not bool(((rows >= 0) & (rows <= levels)).all()):
        raise SimulationError(_NO_CODE)
    parts = rows.split(max(1, TOGETHER // max(1, rows.shape[1])))
    return torch.cat([_count(part, levels + 1) for part in parts])


def _count(rows: Tensor, bins: int) -> Tensor:
    index = torch.int32 if len(rows) * bins < 2**31 else torch.int64
    offsets = torch.arange(0, len(rows) * bins, bins, dtype=index, device=rows.device).unsqueeze(1)
    numbers = rows.to(index).add_(offsets)
    return torch.bincount(numbers.flatten(), minlength=len(rows) * bins).view(-1, bins)


def _count_on_cpu(codes: Tensor, levels: int) -> Tensor:
    library, rows = outcome(codes.dtype), _rows(codes, levels)
    if not isinstance(library, ctypes.CDLL) or not rows.numel():
        return count_by_torch(codes, levels)
    rows, bins, parts = rows.contiguous(), levels + 1, torch.get_num_threads()
    scratch = torch.empty(parts * TABLES * bins, dtype=torch.int32)
    counts = torch.empty(len(rows), bins, dtype=torch.int64)
    sizes = (*rows.shape, bins, parts)
    if library.count_codes(rows.data_ptr(), *sizes, scratch.data_ptr(), counts.data_ptr()):
        raise SimulationError(_NO_CODE)
    return counts


_count_codes = operator(
    "count_codes(Tensor codes, int levels) -> Tensor",
    torch_twin=count_by_torch,
    cpu=_count_on_cpu,
    shapes=lambda codes, levels: codes.new_empty((codes.shape[0], levels + 1), dtype=torch.int64),
)
