"""Two-sided functions as islands: for neurons that have one population alone."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Any

from torch import Tensor, fx

from isospike.graphs.graph import Graph, Op, argument, attach, op_of
from isospike.graphs.origin import unused_name
from isospike.ops import Role, table
from isospike.ops.two_sided import TwoSided


def two_sided_sites(graph: Graph) -> tuple[str, ...]:
    """Names of the sites that stand for two-sided functions, in order of execution."""
    nodes = graph.nodes_with(Role.ACTIVATION)
    return tuple(op_of(node).name for node in nodes if isinstance(graph.module_of(node), TwoSided))


def as_islands(graph: Graph, sites: Container[str]) -> Graph:
    """A view in which these two-sided sites are calls of their functions, computed on decoded values."""
    view = graph.view()
    for node in view.nodes_with(Role.ACTIVATION):
        module = view.module_of(node)
        if op_of(node).name in sites and isinstance(module, TwoSided):
            _call(view, node, module)
    view.graph.lint()
    return view.view()


def _call(graph: Graph, node: fx.Node, function: TwoSided) -> None:
    record = table.aten(function.target._schema.name.partition("::")[2])
    assert record is not None
    constants = [_constant(graph, node, value) if isinstance(value, Tensor) else value for value in function.constants]
    node.op, node.target, node.args = "call_function", function.target, (argument(node), *constants)
    node.meta["op"] = replace(op_of(node), kind=record.name, role=Role.ANALOGUE)


def _constant(graph: Graph, node: fx.Node, value: Tensor) -> Any:
    name = unused_name(graph, f"{op_of(node).name}.slope")
    attach(graph, name, value)
    with graph.graph.inserting_before(node):
        constant = graph.graph.get_attr(name)
    constant.meta["op"] = Op(name, "constant", Role.LINEAR, "", "", tuple(value.shape))
    return constant
