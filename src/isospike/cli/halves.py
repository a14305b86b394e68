"""Parts of data: two halves of the images that have none in common, and the first images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

from isospike.data.parts import parts
from isospike.data.reading import Layout
from isospike.data.stream import stream
from isospike.errors import DataError


class Half:
    """Every other image, counted over all batches; can be opened again when the data can.

    Args:
        data: batches.
        second: true for the second half, which is the smaller one of an odd number of images.
        layout: where the time of sequences is.
    """

    def __init__(self, data: Iterable[Any], *, second: bool, layout: Layout | None = None) -> None:
        self._data, self._second, self._layout = data, second, layout

    def __iter__(self) -> Iterator[Any]:
        before = 0
        for batch in self._data:
            part = slice((before + self._second) % 2, None, 2)
            before += _count(batch, self._layout)
            found = cut(batch, part, layout=self._layout)
            if _count(found, self._layout):
                yield found
        if before == 1 and self._second:
            raise DataError(
                "there is one image, and one half must select and the other report: give two at least, or --select-data"
            )


def cut(batch: Any, part: slice, *, layout: Layout | None = None) -> Any:
    """Some of the samples of a batch, and of whatever belongs to them."""
    if layout != "time-first":
        return pytree.tree_map_only(Tensor, lambda leaf: leaf[part], batch)
    inputs, targets = parts(batch, 1)
    return inputs[:, part], cut(targets, part)


def first_images(data: Iterable[Any], most: int, *, layout: Layout | None = None) -> list[Any]:
    """The first batches, up to a number of images.

    Raises:
        DataError: the data's own code raised.
    """
    found: list[Any] = []
    left = most
    for batch in stream(data):
        found.append(cut(batch, slice(left), layout=layout))
        left -= _count(batch, layout)
        if left <= 0:
            break
    return found


def _count(batch: Any, layout: Layout | None) -> int:
    if layout == "time-first":
        return int(parts(batch, 1)[0].shape[1])
    return next(len(leaf) for leaf in pytree.tree_leaves(batch) if isinstance(leaf, Tensor))
