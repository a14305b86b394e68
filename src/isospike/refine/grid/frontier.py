"""How far the grid reaches: up to the first analogue islands."""

from __future__ import annotations

from torch import fx

from isospike.errors import ConversionError
from isospike.graphs.graph import Graph, op_of
from isospike.graphs.islands import behind_islands
from isospike.graphs.op import Op
from isospike.graphs.refusals import listed
from isospike.ops import Role
from isospike.refine.grid.handlers import grids


def off_grid(graph: Graph) -> frozenset[fx.Node]:
    """The nodes whose values stay as they are: islands, what is behind them, and what can only lead there.

    Raises:
        ConversionError: no site is in front of the islands; or an op in front of a site, or of an output that no
            island takes part in, cannot be made exact, all listed.
    """
    behind = behind_islands(graph)
    sites = [node for node in graph.nodes_with(Role.ACTIVATION) if node not in behind]
    if not sites:
        raise ConversionError(
            "exact=True: every site is behind an analogue island, whose values are on no grid; convert without it"
        )
    leading = _leading(graph, behind)
    refused = [node for node in graph.op_nodes() if node not in behind and not _is_handled(op_of(node))]
    wrong = [op_of(node) for node in refused if node in leading]
    if wrong:
        raise ConversionError(f"exact=True cannot make these ops exact: {listed(wrong)}; convert without it")
    off = {*behind, *refused}
    for node in graph.op_nodes():
        if not off.isdisjoint(node.all_input_nodes):
            off.add(node)
    return frozenset(off)


def _leading(graph: Graph, behind: frozenset[fx.Node]) -> set[fx.Node]:
    """The nodes in front of islands that lead to a site there, or straight to an output."""
    found = set[fx.Node]()
    for node in reversed(graph.graph.nodes):
        ends = node.op in ("call_module", "call_function") and op_of(node).role is Role.ACTIVATION
        led = any(user.op == "output" or user in found for user in node.users)
        if node not in behind and (ends or led):
            found.add(node)
    return found


def _is_handled(op: Op) -> bool:
    if op.role is Role.ACTIVATION:
        return True
    if op.role is Role.INPUT or op.rows != 1:
        return False
    return op.role is Role.PRODUCT or op.family in grids
