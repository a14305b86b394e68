"""What lies behind analogue islands, where nothing is a whole number of anything any more."""

from __future__ import annotations

from torch import fx

from isospike.graphs.graph import Graph, is_island, op_of
from isospike.ops import Role


def behind_islands(graph: Graph) -> frozenset[fx.Node]:
    """The islands of a graph, and every node that one of them takes part in, the output too."""
    found = set[fx.Node]()
    for node in graph.graph.nodes:
        if is_island(node) or not found.isdisjoint(node.all_input_nodes):
            found.add(node)
    return frozenset(found)


def sites_behind_islands(graph: Graph) -> frozenset[str]:
    """Names of the sites whose currents an island takes part in."""
    behind = behind_islands(graph)
    return frozenset(op_of(node).name for node in graph.nodes_with(Role.ACTIVATION) if node in behind)
