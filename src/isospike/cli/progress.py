"""Progress of commands on the error stream: a line where it is a terminal, elsewhere one now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from isospike.progress import Progress, length, watched

LINE_EVERY = 30.0
"""Seconds between two lines in a log; what takes less says nothing there."""


def shown() -> Progress:
    """The progress of a command: the library's line in a terminal, in a log a line every `LINE_EVERY` seconds."""
    return True if watched() else Log()


class Log:
    """Lines in a log."""

    def __init__(self) -> None:
        self._told = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Write one, if the last is long ago."""
        if time.monotonic() - self._told >= LINE_EVERY:
            self._told = time.monotonic()
            print(f"{what}: {done}{f' of {total}' if total else ''}", file=sys.stderr, flush=True)


class Stream:
    """Batches on a device; can be opened again when the data can.

    Args:
        data: the batches.
        device: where to put their tensors.
        dtype: number format of the images; as they are by default.
    """

    def __init__(self, data: Iterable[Any], device: torch.device, dtype: torch.dtype | None = None) -> None:
        self._data, self._device, self._dtype = data, device, dtype

    def __iter__(self) -> Iterator[Any]:
        for batch in self._data:
            yield _move(batch, self._device, self._dtype)

    def __length_hint__(self) -> int:
        return length(self._data)


def _move(batch: Any, device: torch.device, dtype: torch.dtype | None) -> Any:
    def move(part: Tensor) -> Tensor:
        return part.to(device, dtype if part.is_floating_point() else None)

    return pytree.tree_map_only(Tensor, move, batch)
