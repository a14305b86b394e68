"""New calls in a graph: each knows its name, its role and where it stands."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from isospike.graphs.graph import Graph, op_of
from isospike.graphs.op import Op
from isospike.graphs.origin import unused_name
from isospike.ops import Call, table

Shape = tuple[int, ...] | None


def insert_call(
    graph: Graph, place: fx.Node, target: torch._ops.OpOverload, *args: Any, like: Op, shape: Shape = None
) -> fx.Node:
    """A call behind ``place``, with an op named after that of ``like``.

    Args:
        graph: changed in place.
        place: the node behind which the call comes.
        target: what is called.
        args: its arguments.
        like: the op that it serves, whose place in the user's code and shape it has.
        shape: of its result without the batch axis, where it is another.
    """
    record = table.aten(target._schema.name.partition("::")[2])
    assert record is not None
    name = unused_name(graph, f"{like.path}.{record.name}" if like.path else record.name)
    with graph.graph.inserting_after(place):
        node = graph.graph.call_function(target, args)
    role, reason = record.role_of(Call(node, lambda source: source.op != "get_attr"))
    size = like.shape if shape is None else shape
    node.meta["op"] = Op(name, record.name, role, like.path, like.source, size, like.channel_axis, reason, like.rows)
    return node


def sole_user(node: fx.Node) -> fx.Node | None:
    """The only reader of a node; ``None`` where it has none or several."""
    (user,) = node.users if len(node.users) == 1 else (None,)
    return user


def is_call_of(node: fx.Node | None, *kinds: str) -> bool:
    """Whether a node is a call of one of these ops."""
    return node is not None and node.op == "call_function" and op_of(node).kind in kinds
