"""Batches that someone else's code gives: what it raises is named with the batch."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TypeVar

from isospike.data.python_object import guarded
from isospike.errors import DataError

T = TypeVar("T")


def stream(data: Iterable[T]) -> Iterator[T]:
    """The batches of ``data`` in order.

    Raises:
        DataError: the data cannot be opened, or raise while they are read; the message names the batch, from 1.
    """
    batches = guarded(lambda: iter(data), "the data cannot be opened", DataError)
    for number in itertools.count(1):
        found = guarded(lambda: list(itertools.islice(batches, 1)), f"batch {number} of the data failed", DataError)
        if not found:
            return
        yield from found
