"""A progress bar on the error stream, only when it is a terminal."""

from __future__ import annotations

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
    """A bar of ``total`` units; silent when the error stream is no terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield Bar(progress, progress.add_task(what, total=total))


class Bar:
    """One running bar."""

    def __init__(self, progress: Progress, task: Any) -> None:
        self._progress, self._task = progress, task

    def advance(self, units: int = 1) -> None:
        """So many units are done."""
        self._progress.advance(self._task, units)

    def show(self, what: str, done: int, total: int) -> None:
        """What is being done, how much of it is done, and of how much; 0: not known."""
        self._progress.update(self._task, description=what, completed=done, total=total or None)


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
