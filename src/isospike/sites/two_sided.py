"""Two-sided functions as islands: for neurons that do not quantise what these give of a whole current."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from typing import Any

from torch import Tensor, fx, nn

from isospike.graphs.graph import Graph, argument, attach, op_of
from isospike.graphs.op import Op
from isospike.graphs.origin import unused_name
from isospike.ops import Role, table
from isospike.ops.signed_site import SignedSite
from isospike.ops.two_sided import TwoSided


def two_sided_sites(graph: Graph) -> tuple[str, ...]:
    """Names of the sites that stand for two-sided functions, in order of execution."""
    nodes = graph.nodes_with(Role.ACTIVATION)
    return tuple(op_of(node).name for node in nodes if isinstance(graph.module_of(node), TwoSided))


def as_islands(graph: Graph, sites: Container[str], spiking: Container[str] = frozenset()) -> Graph:
    """A view in which two-sided sites are calls of their functions, computed on decoded values.

    Args:
        graph: with all its sites; it is not changed.
        sites: names of two-sided sites that are to be islands.
        spiking: those among them that stay sites: of what the function gives.
    """
    view = graph.view()
    for node in view.nodes_with(Role.ACTIVATION):
        module, name = view.module_of(node), op_of(node).name
        if name in sites and isinstance(module, TwoSided):
            island = _island(view, node, module, behind=name in spiking)
            if island is not node:
                _become_site(view, node, island, signed=module.is_signed)
    view.graph.lint()
    return view.view()


def _island(graph: Graph, node: fx.Node, function: TwoSided, *, behind: bool) -> fx.Node:
    """The call of a function, in the place of its site or in front of it."""
    record = table.aten(function.target._schema.name.partition("::")[2])
    assert record is not None
    constants = [_constant(graph, node, value) if isinstance(value, Tensor) else value for value in function.constants]
    args, name = (argument(node), *constants), op_of(node).name
    call = node
    if behind:
        name = unused_name(graph, f"{name}_function")
        with graph.graph.inserting_before(node):
            call = graph.graph.call_function(function.target, args)
    else:
        node.op, node.target, node.args = "call_function", function.target, args
    call.meta["op"] = replace(op_of(node), name=name, kind=record.name, role=Role.ANALOGUE)
    return call


def _become_site(graph: Graph, node: fx.Node, source: fx.Node, *, signed: bool) -> None:
    """A site of what another node gives."""
    node.args = (source,)
    kind, module = ("signed_site", SignedSite()) if signed else ("relu", nn.ReLU())
    graph.replace(node, module, replace(op_of(node), kind=kind))


def _constant(graph: Graph, node: fx.Node, value: Tensor) -> Any:
    name = unused_name(graph, f"{op_of(node).name}.slope")
    attach(graph, name, value.detach())
    with graph.graph.inserting_before(node):
        constant = graph.graph.get_attr(name)
    constant.meta["op"] = Op(name, "constant", Role.LINEAR, "", "", tuple(value.shape))
    return constant
