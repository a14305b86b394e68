"""The batch on the first axis of every value, wherever the user's model has it in between."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from isospike.ops import family
from isospike.ops.forms.batch_place import Place, reshaped, rows_at, shape_of
from isospike.ops.forms.rewriter import Rewriter, given, name_of
from isospike.ops.registry import table

ATEN = torch.ops.aten
AXES = ("dim", "dims", "dim0", "dim1", "axis", "dimension")
"""Arguments that name axes."""


def put_batch_first(rewriter: Rewriter) -> None:
    """Compute what has its batch elsewhere (``[S, B, E]``, ``[3, B, H, S, D]``, ``[S * B, E]``) with the batch first.

    Every value has a stand-in ``[B * rows, ...]`` whose other axes are in the model's order; permutations then become
    others or none, and axes that calls name become those of the stand-in. What a rule does not know stays as it is, and
    is refused where it is raised. The capture compares the result with the model.
    """
    mover = _Mover(rewriter)
    for node in rewriter.calls:
        if rewriter.varies(node):
            mover.move(node)


class _Mover:
    """Stand-ins of the values so far."""

    def __init__(self, rewriter: Rewriter) -> None:
        self.rewriter = rewriter
        self.stand_ins: dict[fx.Node, tuple[fx.Node, Place]] = {}

    def move(self, node: fx.Node) -> None:
        """Give a node a stand-in; one with its batch first takes the node's place."""
        place = self._place(node)
        if place is None or (place.is_first and self.stand_ins.keys().isdisjoint(node.all_input_nodes)):
            return
        rule = _rule_of(node)
        moved = None if rule is None else rule(self, node, place)
        if moved is None:
            return
        if place.is_first:
            self.rewriter.replace(node, moved)
        else:
            self.stand_ins[node] = moved, place

    def _place(self, node: fx.Node) -> Place | None:
        """Where the batch is in the result of a call."""
        found = rows_at(shape_of(node))
        sources = [source for source in node.all_input_nodes if self.rewriter.varies(source)]
        places = [self.front(source)[1] for source in sources if rows_at(shape_of(source)) is not None]
        if found is None or not places:
            return None
        if _keeps_order(node):
            return reshaped(places[0], shape_of(sources[0]), shape_of(node))
        axis, rows = found
        fits = all(place.before * place.after == rows for place in places)
        return Place(axis, places[0].before, places[0].after) if fits else None

    def front(self, source: fx.Node) -> tuple[fx.Node, Place]:
        """A value with its batch first, and where the model has it."""
        if source in self.stand_ins:
            return self.stand_ins[source]
        axis, rows = rows_at(shape_of(source)) or (0, 1)
        return source, Place(axis, 1, rows)

    def aligned(self, node: fx.Node, source: Any, rank: int, place: Place) -> Any:
        """An operand that broadcasts to a value of this rank and place, as it does to its stand-in.

        Raises:
            _Elsewhere: its batch is not there.
        """
        if not isinstance(source, fx.Node) or not isinstance(source.meta.get("val"), Tensor):
            return source
        shape = shape_of(source)
        more = rank - len(shape)
        if self.rewriter.varies(source):
            value, own = self.front(source)
            if own.behind(more) != place:
                raise _Elsewhere
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

    def reorder(self, node: fx.Node, value: fx.Node, shape: list[int], order: list[int]) -> fx.Node:
        """The values of a shape ``[-1, ...]`` in another order of its axes, in any shape that has them so."""
        visible = [axis for axis in order if axis == 0 or shape[axis] != 1]
        if visible == sorted(visible):
            return value
        return self.rewriter.call(node, ATEN.permute.default, self.reshape(node, value, shape), order)


class _Elsewhere(Exception):
    """The operands of a call have their batch in different places."""


Rule = Callable[[_Mover, fx.Node, Place], fx.Node | None]
"""What computes the stand-in of a call."""


def _permuted(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    """A permutation of the axes behind the batch."""
    value, before = mover.front(node.args[0])  # type: ignore[arg-type]
    probe = torch.empty([2] * len(shape_of(node)), device="meta")
    strides = list(probe.stride())
    target: Any = node.target
    order = [strides.index(stride) for stride in target(probe, *node.args[1:], **node.kwargs).stride()]
    old = before.axes(len(order))
    new = [before.axis, *(axis for axis in order if axis != before.axis)]
    moved = [old.index(axis) for axis in new]
    return value if moved == sorted(moved) else mover.rewriter.call(node, ATEN.permute.default, value, moved)


def _reshaped(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    """A reshape; where it cuts the axis of the batch, its factors are moved to where they belong."""
    source: Any = node.args[0]
    value, before = mover.front(source)
    shape, result = shape_of(source), shape_of(node)
    lead, tail = shape[: before.axis], shape[before.axis + 1 :]
    count = len(lead)
    order = [0, *range(3, 3 + count), 1, 2, *range(3 + count, 3 + count + len(tail))]
    value = mover.reorder(node, value, [-1, before.before, before.after, *lead, *tail], order)
    lead, tail = result[: place.axis], result[place.axis + 1 :]
    count = len(lead)
    order = [0, 1 + count, 2 + count, *range(1, 1 + count), *range(3 + count, 3 + count + len(tail))]
    value = mover.reorder(node, value, [-1, *lead, place.before, place.after, *tail], order)
    return mover.reshape(node, value, [-1, *lead, *tail])


def _broadcast(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    """A function of single values, or of the last two axes, of operands that broadcast."""
    rank = len(shape_of(node))
    return _called(mover, node, place, operand=lambda source: mover.aligned(node, source, rank, place))


def _of_matrices(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    """A product of matrices on the last two axes, none of them the batch's, but for rows of ``x`` in ``x @ W``."""
    rank = len(shape_of(node))
    first, second = node.args[:2]
    if place.axis < rank - 2:
        return _broadcast(mover, node, place)
    if place.axis == rank - 2 and mover.rewriter.varies(first) and not mover.rewriter.varies(second):
        return _of_rows(mover, node, first, second)
    return None


def _of_rows(mover: _Mover, node: fx.Node, first: Any, second: Any) -> fx.Node:
    """``[..., B, C] @ [..., C, D]``: every sample is a row, ``[B, ..., 1, C]`` where there are several matrices."""
    call, value = mover.rewriter.call, mover.front(first)[0]
    if len(shape_of(second)) <= 2:
        return call(node, ATEN.matmul.default, value, second)
    row = call(node, ATEN.matmul.default, call(node, ATEN.unsqueeze.default, value, -2), second)
    return call(node, ATEN.squeeze.dim, row, -2)


def _attended(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    return _broadcast(mover, node, place) if place.axis < len(shape_of(node)) - 2 else None


def _dense(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    if place.axis == len(shape_of(node)) - 1:
        return None
    return mover.instead(node, place, mover.front(node.args[0])[0], *node.args[1:])  # type: ignore[arg-type]


def _normalised(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    """Along one axis (softmax), or over the last ones (layer norm)."""
    last = len(given(node).get("normalized_shape", ()))
    if last and place.axis >= len(shape_of(node)) - last:
        return None
    return _along(mover, node, place) if last or "dim" in given(node) else None


def _along(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    """Along axes that the call names."""
    rest = [value for name, value in given(node).items() if name in AXES]
    if any(value is None or value == [] for value in rest):
        return None
    return _called(
        mover, node, place, operand=lambda source: mover.front(source)[0] if mover.rewriter.varies(source) else source
    )


def _joined(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    rank, axis = len(shape_of(node)), given(node)["dim"]
    own = place
    if name_of(node) == "stack":
        own = Place(place.axis - (axis % rank <= place.axis), place.before, place.after)
        rank -= 1
    return _called(mover, node, place, operand=lambda source: mover.aligned(node, source, rank, own))


def _expanded(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    sizes = shape_of(node)
    value = mover.aligned(node, node.args[0], len(sizes), place)
    return mover.instead(node, place, value, [-1, *_others(sizes, place)])


def _repeated(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    times: Any = node.args[1]
    if times[place.axis] != 1:
        return None
    value = mover.aligned(node, node.args[0], len(times), place)
    return mover.instead(node, place, value, [1, *_others(times, place)])


def _padded(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    """The same padding of the same axes, which are named from the last one on."""
    source, pad, *rest = node.args
    rank = len(shape_of(node))
    pairs = [list(pad[2 * i : 2 * i + 2]) for i in range(len(pad) // 2)]  # type: ignore[arg-type, index]
    by_axis = {rank - 1 - i: pair for i, pair in enumerate(pairs)}
    if any(by_axis.pop(place.axis, [0, 0])):
        return None
    wanted = [by_axis.get(axis, [0, 0]) for axis in reversed(place.axes(rank)[1:])]
    flat = [size for pair in wanted for size in pair]
    return mover.instead(node, place, mover.front(source)[0], flat, *rest)  # type: ignore[arg-type]


def _summed(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    """Einstein's sum: the letter of the batch comes first everywhere."""
    equation, operands = str(node.args[0]).replace(" ", ""), node.args[1]
    terms, arrow, result = equation.partition("->")
    if not arrow or "." in equation:
        return None
    letter = result[place.axis]
    values, written = list[Any](), list[str]()
    for term, source in zip(terms.split(","), operands, strict=True):  # type: ignore[arg-type]
        varies = mover.rewriter.varies(source)
        if varies != (letter in term) or (varies and term[mover.front(source)[1].axis] != letter):
            return None
        values.append(mover.front(source)[0] if varies else source)
        written.append(letter + term.replace(letter, "") if varies else term)
    moved = f"{','.join(written)}->{letter}{result.replace(letter, '')}"
    return mover.instead(node, place, moved, values)


def _taken(mover: _Mover, node: fx.Node, place: Place) -> fx.Node | None:
    """One of several results."""
    return mover.instead(node, place, mover.front(node.args[0])[0], node.args[1])  # type: ignore[arg-type]


def _called(mover: _Mover, node: fx.Node, place: Place, *, operand: Callable[[fx.Node], Any]) -> fx.Node | None:
    """The same call of other operands, the axes that it names moved with them; ``None`` where it names the batch's."""
    record = table.aten(name_of(node))
    source = next(source for source in node.all_input_nodes if mover.rewriter.varies(source))
    own, rank = mover.front(source)[1], len(shape_of(source))
    if record is not None and record.new_axis:
        own, rank = place, len(shape_of(node))
    named = {argument.name: argument.kwarg_only for argument in node.target._schema.arguments}  # type: ignore[union-attr]
    args, kwargs = list[Any](), dict[str, Any]()
    try:
        for name, value in given(node).items():
            new = _moved_axes(value, own, rank) if name in AXES else fx.map_arg(value, operand)
            if named[name]:
                kwargs[name] = new
            else:
                args.append(new)
    except _Elsewhere:
        return None
    return mover.instead(node, place, *args, **kwargs)


def _moved_axes(axes: Any, place: Place, rank: int) -> Any:
    if isinstance(axes, (list, tuple)):
        return [_moved_axes(axis, place, rank) for axis in axes]
    moved = place.moved(axes, rank)
    if moved is None:
        raise _Elsewhere
    return moved


def _others(sizes: list[Any], place: Place) -> list[Any]:
    return [sizes[axis] for axis in place.axes(len(sizes))[1:]]


def _keeps_order(node: fx.Node) -> bool:
    return _rule_of(node) is _reshaped


_BY_NAME: dict[str, Rule] = {
    **dict.fromkeys(("permute", "transpose", "movedim", "t"), _permuted),
    **dict.fromkeys(("squeeze", "unsqueeze"), _reshaped),
    **dict.fromkeys(("matmul", "mm", "bmm"), _of_matrices),
    "expand": _expanded,
    "repeat": _repeated,
    "einsum": _summed,
    **dict.fromkeys(("constant_pad_nd", "pad"), _padded),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "col2im", "tile"), lambda *_: None),
    **dict.fromkeys(("where", "masked_fill", "gt", "ge", "lt", "le", "eq", "ne", "logical_not"), _broadcast),
}
_BY_FAMILY: dict[Any, Rule] = {
    family.RESHAPE: _reshaped,
    family.JOIN: _joined,
    family.DENSE: _dense,
    family.ATTENTION: _attended,
    family.NORMALISE: _normalised,
    **dict.fromkeys((family.MOVE, family.REDUCE, family.ACCUMULATE, family.STATISTIC), _along),
    **dict.fromkeys((family.ADD, family.SCALE, family.POINTWISE, family.RECTIFIER, family.IDENTITY), _broadcast),
}


def _rule_of(node: fx.Node) -> Rule | None:
    if node.target is operator.getitem:
        return _taken
    name = name_of(node)
    record = table.aten(name)
    kind = None if record is None or record.resizes else record.family
    return _BY_NAME.get(name) or _BY_FAMILY.get(kind)
