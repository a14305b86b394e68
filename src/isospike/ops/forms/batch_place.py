"""Where the batch is in a value of the user's model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, fx

from isospike.ops.constants import ONE, TWO, size_at


@dataclass(frozen=True)
class Place:
    """An axis of ``before * B * after`` entries, with the samples of a batch of B between other factors.

    ``[S, B, E]`` has it at axis 1; ``[S * B, E]``, rows of S positions of all samples, at axis 0 with ``before = S``.
    """

    axis: int
    before: int = 1
    after: int = 1

    @property
    def is_first(self) -> bool:
        """Whether the samples are apart on the first axis, each with its ``after`` rows."""
        return self.axis == 0 and self.before == 1

    def axes(self, rank: int) -> list[int]:
        """The axes of a value in the order in which its batch comes first."""
        return [self.axis, *(axis for axis in range(rank) if axis != self.axis)]

    def moved(self, axis: int, rank: int) -> int | None:
        """An axis of a value where its batch comes first; ``None`` for that of the batch."""
        place = self.axes(rank).index(axis % rank)
        return place or None

    def behind(self, axes: int) -> Place:
        """The place in a value with so many more axes in front."""
        return replace(self, axis=self.axis + axes)


def shape_of(node: fx.Node) -> list[Any]:
    """Sizes of the (first) result of a node; that of the batch is a symbol."""
    value = node.meta.get("val")
    first = value[0] if isinstance(value, (tuple, list)) and value else value
    return list(first.shape) if isinstance(first, Tensor) else []


def rows_at(shape: Sequence[Any]) -> tuple[int, int] | None:
    """The axis of a shape that grows with the batch, and its entries for one sample; ``None``: none, or several."""
    axes = [axis for axis, size in enumerate(shape) if not isinstance(size, int)]
    if len(axes) != 1:
        return None
    size = shape[axes[0]]
    rows = size_at(size, ONE)
    return (axes[0], rows) if size_at(size, TWO) == TWO * rows else None


def after_reshape(place: Place, shape: Sequence[Any], result: Sequence[Any]) -> Place | None:
    """Where the batch is after a reshape, which keeps the order of all values; ``None``: spread over axes."""
    found = rows_at(result)
    if found is None:
        return None
    axis, rows = found
    outer = math.prod(shape[: place.axis]) * place.before
    lead = math.prod(result[:axis])
    if not lead or outer % lead or rows % max(1, outer // lead):
        return None
    before = outer // lead
    return Place(axis, before, rows // before)
