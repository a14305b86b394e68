"""Stand-ins of values whose batch is not first: the same values with the batch first."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from isospike.ops.forms.batch_place import Place, rows_at, shape_of
from isospike.ops.forms.rewriter import Rewriter

ATEN = torch.ops.aten


class Elsewhere(Exception):
    """The operands of a call have their batch in different places."""


class StandIns:
    """Stand-ins of the values so far."""

    def __init__(self, rewriter: Rewriter) -> None:
        self.rewriter = rewriter
        self.moved: dict[fx.Node, tuple[fx.Node, Place]] = {}

    def front(self, source: fx.Node) -> tuple[fx.Node, Place]:
        """A value with its batch first, and where the model has it.

        Raises:
            Elsewhere: no rule has brought it there.
        """
        if source in self.moved:
            return self.moved[source]
        axis, rows = rows_at(shape_of(source)) or (0, 1)
        if axis != 0:
            raise Elsewhere
        return source, Place(0, 1, rows)

    def aligned(self, node: fx.Node, source: Any, *, rank: int, place: Place) -> Any:
        """An operand that broadcasts to a value of this rank and place, as it does to its stand-in.

        Raises:
            Elsewhere: its batch is not there.
        """
        if not isinstance(source, fx.Node) or not isinstance(source.meta.get("val"), Tensor):
            return source
        shape = shape_of(source)
        more = rank - len(shape)
        if self.rewriter.varies(source):
            value, own = self.front(source)
            if own.behind(more) != place:
                raise Elsewhere
            return self.reshape(node, value, [-1, *[1] * more, *shape_of(value)[1:]]) if more else value
        if more > place.axis:
            return source
        value = self.rewriter.call(node, ATEN.unsqueeze.default, source, 0) if more else source
        for _ in range(more - 1):
            value = self.rewriter.call(node, ATEN.unsqueeze.default, value, 0)
        order = place.axes(rank)
        return value if order == sorted(order) else self.rewriter.call(node, ATEN.permute.default, value, order)

    def instead(self, node: fx.Node, place: Place, *args: Any, **kwargs: Any) -> fx.Node:
        """The same call with other arguments, in the place of a node whose batch is there."""

        def moved(value: Tensor) -> Tensor:
            return value.permute(place.axes(value.dim()))

        value = pytree.tree_map_only(Tensor, moved, node.meta["val"])
        return self.rewriter.call_of(node, value, node.target, *args, **kwargs)

    def reshape(self, node: fx.Node, value: fx.Node, shape: list[int]) -> fx.Node:
        """A value in another shape, unless it has it."""
        same = shape_of(value)[1:] == shape[1:]
        return value if same else self.rewriter.call(node, ATEN.reshape.default, value, shape)

    def reorder(self, node: fx.Node, value: fx.Node, *, shape: list[int], order: list[int]) -> fx.Node:
        """The values of a shape ``[-1, ...]`` in another order of its axes, in any shape that has them so."""
        visible = [axis for axis in order if axis == 0 or shape[axis] != 1]
        if visible == sorted(visible):
            return value
        return self.rewriter.call(node, ATEN.permute.default, self.reshape(node, value, shape), order)
