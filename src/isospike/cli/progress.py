"""Progress on the error stream: a bar where it is a terminal, elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.utils import _pytree as pytree


@contextmanager
def progress_bar(what: str, total: int | None) -> Iterator[Bar]:
    """A bar of ``total`` units; in a log a line every `LINE_EVERY` seconds."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress, progress.add_task(what, total=total))


LINE_EVERY = 30.0
"""Seconds between two lines in a log; what takes less says nothing there."""


class Bar:
    """One running bar."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self._progress, self._task, self._told = progress, task, time.monotonic()

    def advance(self, units: int = 1) -> None:
        """So many units are done."""
        self._progress.advance(self._task, units)
        self._tell()

    def show(self, what: str, done: int, total: int) -> None:
        """What is being done, how much of it is done, and of how much; 0: not known."""
        self._progress.update(self._task, description=what, completed=done, total=total or None)
        self._tell()

    def _tell(self) -> None:
        if self._progress.disable and time.monotonic() - self._told >= LINE_EVERY:
            self._told = time.monotonic()
            (task,) = self._progress.tasks
            of = "" if task.total is None else f" of {task.total:.0f}"
            print(f"{task.description}: {task.completed:.0f}{of}", file=sys.stderr, flush=True)


class Stream:
    """Batches on a device, counted on a bar; can be opened again when the data can.

    Args:
        data: the batches.
        device: where to put their tensors.
        bar: advanced by one for every batch.
        dtype: number format of the images; as they are by default.
    """

    def __init__(
        self, data: Iterable[Any], device: torch.device, bar: Bar | None = None, dtype: torch.dtype | None = None
    ) -> None:
        self._data, self._device, self._bar, self._dtype = data, device, bar, dtype

    def __iter__(self) -> Iterator[Any]:
        for batch in self._data:
            yield _move(batch, self._device, self._dtype)
            if self._bar is not None:
                self._bar.advance()


def _move(batch: Any, device: torch.device, dtype: torch.dtype | None) -> Any:
    def move(part: Tensor) -> Tensor:
        return part.to(device, dtype if part.is_floating_point() else None)

    return pytree.tree_map_only(Tensor, move, batch)
