"""What computes a call of values whose batch is elsewhere from their stand-ins, by op."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import fx

from isospike.ops import family
from isospike.ops.forms.batch_place import Place, shape_of
from isospike.ops.forms.batch_stand_ins import Elsewhere, StandIns
from isospike.ops.forms.rewriter import given, name_of
from isospike.ops.registry import table

ATEN = torch.ops.aten
AXES = ("dim", "dims", "dim0", "dim1", "axis", "dimension")
"""Arguments that name axes."""

Rule = Callable[[StandIns, fx.Node, Place], fx.Node | None]
"""What computes the stand-in of a call."""


def _permuted(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    """A permutation of the axes behind the batch."""
    value, before = known.front(node.args[0])  # type: ignore[arg-type]
    probe = torch.empty([2] * len(shape_of(node)), device="meta")
    strides = list(probe.stride())
    target: Any = node.target
    order = [strides.index(stride) for stride in target(probe, *node.args[1:], **node.kwargs).stride()]
    old = before.axes(len(order))
    new = [before.axis, *(axis for axis in order if axis != before.axis)]
    moved = [old.index(axis) for axis in new]
    return value if moved == sorted(moved) else known.rewriter.call(node, ATEN.permute.default, value, moved)


def reshape_rule(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    """A reshape; where it cuts the axis of the batch, its factors are moved to where they belong."""
    source: Any = node.args[0]
    value, before = known.front(source)
    shape, result = shape_of(source), shape_of(node)
    lead, tail = shape[: before.axis], shape[before.axis + 1 :]
    count = len(lead)
    order = [0, *range(3, 3 + count), 1, 2, *range(3 + count, 3 + count + len(tail))]
    value = known.reorder(node, value, shape=[-1, before.before, before.after, *lead, *tail], order=order)
    lead, tail = result[: place.axis], result[place.axis + 1 :]
    count = len(lead)
    order = [0, 1 + count, 2 + count, *range(1, 1 + count), *range(3 + count, 3 + count + len(tail))]
    value = known.reorder(node, value, shape=[-1, *lead, place.before, place.after, *tail], order=order)
    return known.reshape(node, value, [-1, *lead, *tail])


def _broadcast(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    """A function of single values, or of the last two axes, of operands that broadcast."""
    rank = len(shape_of(node))
    return _called(known, node, place, operand=lambda source: known.aligned(node, source, rank=rank, place=place))


def _of_matrices(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    """A product of matrices on the last two axes, none of them the batch's, but for rows of ``x`` in ``x @ W``."""
    rank = len(shape_of(node))
    first, second = node.args[:2]
    if place.axis < rank - 2:
        return _broadcast(known, node, place)
    if place.axis == rank - 2 and known.rewriter.varies(first) and not known.rewriter.varies(second):
        return _of_rows(known, node, first, second)
    return None


def _of_rows(known: StandIns, node: fx.Node, first: Any, second: Any) -> fx.Node:
    """``[..., B, C] @ [..., C, D]``: every sample is a row, ``[B, ..., 1, C]`` where there are several matrices."""
    call, value = known.rewriter.call, known.front(first)[0]
    if len(shape_of(second)) <= 2:
        return call(node, ATEN.matmul.default, value, second)
    row = call(node, ATEN.matmul.default, call(node, ATEN.unsqueeze.default, value, -2), second)
    return call(node, ATEN.squeeze.dim, row, -2)


def _attended(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    return _broadcast(known, node, place) if place.axis < len(shape_of(node)) - 2 else None


def _dense(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    if place.axis == len(shape_of(node)) - 1:
        return None
    return known.instead(node, place, known.front(node.args[0])[0], *node.args[1:])  # type: ignore[arg-type]


def _normalised(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    """Along one axis (softmax), or over the last ones (layer norm)."""
    last = len(given(node).get("normalized_shape", ()))
    if last and place.axis >= len(shape_of(node)) - last:
        return None
    return _along(known, node, place) if last or "dim" in given(node) else None


def _along(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    """Along axes that the call names."""
    rest = [value for name, value in given(node).items() if name in AXES]
    if any(value is None or value == [] for value in rest):
        return None
    return _called(
        known, node, place, operand=lambda source: known.front(source)[0] if known.rewriter.varies(source) else source
    )


def _joined(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    rank, axis = len(shape_of(node)), given(node)["dim"]
    own = place
    if name_of(node) == "stack":
        own = Place(place.axis - (axis % rank <= place.axis), place.before, place.after)
        rank -= 1
    return _called(known, node, place, operand=lambda source: known.aligned(node, source, rank=rank, place=own))


def _expanded(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    sizes = shape_of(node)
    value = known.aligned(node, node.args[0], rank=len(sizes), place=place)
    return known.instead(node, place, value, [-1, *_others(sizes, place)])


def _repeated(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    times: Any = node.args[1]
    if times[place.axis] != 1:
        return None
    value = known.aligned(node, node.args[0], rank=len(times), place=place)
    return known.instead(node, place, value, [1, *_others(times, place)])


def _padded(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    """The same padding of the same axes, which are named from the last one on."""
    source, pad, *rest = node.args
    rank = len(shape_of(node))
    pairs = [list(pad[2 * i : 2 * i + 2]) for i in range(len(pad) // 2)]  # type: ignore[arg-type, index]
    by_axis = {rank - 1 - i: pair for i, pair in enumerate(pairs)}
    if any(by_axis.pop(place.axis, [0, 0])):
        return None
    wanted = [by_axis.get(axis, [0, 0]) for axis in reversed(place.axes(rank)[1:])]
    flat = [size for pair in wanted for size in pair]
    return known.instead(node, place, known.front(source)[0], flat, *rest)  # type: ignore[arg-type]


def _summed(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    """Einstein's sum: the letter of the batch comes first everywhere."""
    equation, operands = str(node.args[0]).replace(" ", ""), node.args[1]
    terms, arrow, result = equation.partition("->")
    if not arrow or "." in equation:
        return None
    letter = result[place.axis]
    values, written = list[Any](), list[str]()
    for term, source in zip(terms.split(","), operands, strict=True):  # type: ignore[arg-type]
        varies = known.rewriter.varies(source)
        if varies != (letter in term) or (varies and term[known.front(source)[1].axis] != letter):
            return None
        values.append(known.front(source)[0] if varies else source)
        written.append(letter + term.replace(letter, "") if varies else term)
    moved = f"{','.join(written)}->{letter}{result.replace(letter, '')}"
    return known.instead(node, place, moved, values)


def _taken(known: StandIns, node: fx.Node, place: Place) -> fx.Node | None:
    """One of several results."""
    return known.instead(node, place, known.front(node.args[0])[0], node.args[1])  # type: ignore[arg-type]


def _called(known: StandIns, node: fx.Node, place: Place, *, operand: Callable[[fx.Node], Any]) -> fx.Node | None:
    """The same call of other operands, the axes that it names moved with them; ``None`` where it names the batch's."""
    record = table.aten(name_of(node))
    source = next(source for source in node.all_input_nodes if known.rewriter.varies(source))
    own, rank = known.front(source)[1], len(shape_of(source))
    if record is not None and record.new_axis:
        own, rank = place, len(shape_of(node))
    named = {argument.name: argument.kwarg_only for argument in node.target._schema.arguments}  # type: ignore[union-attr]
    args, kwargs = list[Any](), dict[str, Any]()
    for name, value in given(node).items():
        new = _moved_axes(value, own, rank) if name in AXES else fx.map_arg(value, operand)
        if named[name]:
            kwargs[name] = new
        else:
            args.append(new)
    return known.instead(node, place, *args, **kwargs)


def _moved_axes(axes: Any, place: Place, rank: int) -> Any:
    if isinstance(axes, (list, tuple)):
        return [_moved_axes(axis, place, rank) for axis in axes]
    moved = place.moved(axes, rank)
    if moved is None:
        raise Elsewhere
    return moved


def _others(sizes: list[Any], place: Place) -> list[Any]:
    return [sizes[axis] for axis in place.axes(len(sizes))[1:]]


_BY_NAME: dict[str, Rule] = {
    **dict.fromkeys(("permute", "transpose", "movedim", "t"), _permuted),
    **dict.fromkeys(("squeeze", "unsqueeze"), reshape_rule),
    **dict.fromkeys(("matmul", "mm", "bmm"), _of_matrices),
    "expand": _expanded,
    "repeat": _repeated,
    "einsum": _summed,
    **dict.fromkeys(("constant_pad_nd", "pad"), _padded),
    **dict.fromkeys(("pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "col2im", "tile"), lambda *_: None),
    **dict.fromkeys(("where", "masked_fill", "gt", "ge", "lt", "le", "eq", "ne", "logical_not"), _broadcast),
}
_BY_FAMILY: dict[Any, Rule] = {
    family.RESHAPE: reshape_rule,
    family.JOIN: _joined,
    family.DENSE: _dense,
    family.ATTENTION: _attended,
    family.NORMALISE: _normalised,
    **dict.fromkeys((family.MOVE, family.REDUCE, family.ACCUMULATE, family.STATISTIC), _along),
    **dict.fromkeys((family.ADD, family.SCALE, family.POINTWISE, family.RECTIFIER, family.IDENTITY), _broadcast),
}


def rule_of(node: fx.Node) -> Rule | None:
    """The rule of a call; ``None`` where nobody has written one."""
    if node.target is operator.getitem:
        return _taken
    name = name_of(node)
    record = table.aten(name)
    kind = None if record is None or record.resizes else record.family
    return _BY_NAME.get(name) or _BY_FAMILY.get(kind)
