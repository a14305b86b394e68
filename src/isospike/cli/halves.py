"""Batches in two halves that have no image in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree


class Half:
    """The first or the second half of the images of every batch; can be opened again when the data can.

    Args:
        data: batches.
        second: whether it is the second half, the smaller one of an odd batch.
    """

    def __init__(self, data: Iterable[Any], *, second: bool) -> None:
        self._data, self._second = data, second

    def __iter__(self) -> Iterator[Any]:
        for batch in self._data:
            images = next(leaf for leaf in pytree.tree_leaves(batch) if isinstance(leaf, Tensor))
            middle = (len(images) + 1) // 2
            part = slice(middle, None) if self._second else slice(middle)
            if len(images[part]):
                leaves, structure = pytree.tree_flatten(batch)
                cut = [leaf[part] if isinstance(leaf, Tensor) else leaf for leaf in leaves]
                yield pytree.tree_unflatten(cut, structure)
