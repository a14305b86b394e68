"""Rows of activations that are written once and read at random, in memory or in a temporary file."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from types import TracebackType

import torch
from torch import Tensor


class Rows:
    """Several arrays ``[count, ...]`` of one type, in memory if they fit a budget, else mapped from files.

    The files have no names, so that nothing stays behind when the process is killed.

    Args:
        count: number of rows.
        shapes: shape of a row in each array.
        dtype: their type.
        budget: bytes.
    """

    def __init__(self, count: int, shapes: Sequence[tuple[int, ...]], dtype: torch.dtype, budget: int) -> None:
        sizes = [count * math.prod(shape) for shape in shapes]
        self.in_memory = sum(sizes) * dtype.itemsize <= budget
        self.arrays = [self._array(count, shape, size, dtype) for shape, size in zip(shapes, sizes, strict=True)]
        self.written = 0

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let the memory, or the files, go."""
        self.arrays = []

    def add(self, rows: Sequence[Tensor]) -> None:
        """Write the next rows ``[B, ...]`` of every array."""
        for array, part in zip(self.arrays, rows, strict=True):
            array[self.written : self.written + len(part)] = part.to(array.device)
        self.written += len(rows[0])

    def take(self, indices: Tensor) -> list[Tensor]:
        """Copies of rows that were written, of every array."""
        return [array[indices] for array in self.arrays]

    def _array(self, count: int, shape: tuple[int, ...], size: int, dtype: torch.dtype) -> Tensor:
        if self.in_memory:
            return torch.empty((count, *shape), dtype=dtype)
        with tempfile.NamedTemporaryFile(prefix="isospike-") as file:  # its name goes at once, its space with the array
            mapped = torch.from_file(file.name, shared=True, size=size, dtype=dtype)
        return mapped.view(count, *shape)
