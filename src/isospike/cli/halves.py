"""Images in two halves that have none in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

from isospike.errors import DataError


class Half:
    """Every other image, counted over all batches; can be opened again when the data can.

    Args:
        data: batches.
        second: whether it is the second half, the smaller one of an odd number of images.
    """

    def __init__(self, data: Iterable[Any], *, second: bool) -> None:
        self._data, self._second = data, second

    def __iter__(self) -> Iterator[Any]:
        before = 0
        for batch in self._data:
            images = next(leaf for leaf in pytree.tree_leaves(batch) if isinstance(leaf, Tensor))
            part = slice((before + self._second) % 2, None, 2)
            before += len(images)
            if len(images[part]):
                yield pytree.tree_map_only(Tensor, lambda leaf, part=part: leaf[part], batch)
        if before == 1 and self._second:
            raise DataError(
                "there is one image, and one half must select and the other report: give two at least, or --select-data"
            )
