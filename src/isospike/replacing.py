"""Functions of single values, as sites in whose place trained rectifiers are to stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, fx, nn

from isospike.errors import ConversionError
from isospike.graphs.graph import Graph, argument, attach, op_of
from isospike.ops import Role, family
from isospike.ops.two_sided import TwoSided


class Substituted(nn.Module):
    """A function of single values, until something else takes its place.

    Args:
        function: from ``[B, ...]`` to the same shape.
    """

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """What the function gives for ``x`` ``[B, ...]``."""
        return self.function(x)


def with_rectifiers(graph: Graph, kinds: Sequence[str]) -> Graph:
    """A view in which functions of these ATen names are sites of rectifiers.

    Raises:
        ConversionError: the network has none of a name, or it is no function of single values.
    """
    missing = sorted(set(kinds) - set(replaceable(graph)))
    if missing:
        known = ", ".join(replaceable(graph)) or "none"
        raise ConversionError(f"replace={missing}: the network has no such function of single values; it has: {known}")
    view = graph.view()
    for node in view.op_nodes():
        if op_of(node).kind in kinds and _is_replaceable(view, node):
            _become_site(view, node)
    return view.view()


def replaceable(graph: Graph) -> tuple[str, ...]:
    """ATen names of the functions of single values in a network that are no rectifiers, each once."""
    return tuple(dict.fromkeys(op_of(node).kind for node in graph.op_nodes() if _is_replaceable(graph, node)))


def _is_replaceable(graph: Graph, node: fx.Node) -> bool:
    op = op_of(node)
    if op.role is Role.ACTIVATION:
        return isinstance(graph.module_of(node), TwoSided)
    return op.role is Role.ANALOGUE and op.family is family.POINTWISE and node.all_input_nodes == [node.args[0]]


def _become_site(graph: Graph, node: fx.Node) -> None:
    op = op_of(node)
    if node.op == "call_module":
        graph.replace(node, Substituted(graph.module_of(node)))
    else:
        attach(graph, op.name, Substituted(_function(node.target, node.args[1:], node.kwargs)))
        node.op, node.target, node.args, node.kwargs = "call_module", op.name, (argument(node),), {}
    node.meta["op"] = replace(op, kind="relu", role=Role.ACTIVATION, reason="")


def _function(target: Any, constants: tuple[Any, ...], options: dict[str, Any]) -> Callable[[Tensor], Tensor]:
    return lambda x: target(x, *constants, **options)
