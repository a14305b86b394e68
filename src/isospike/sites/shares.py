"""Which part of a network's multiply-accumulates spikes drive."""

from __future__ import annotations

from collections.abc import Mapping

from isospike.graphs.graph import Graph, op_of
from isospike.graphs.macs import macs_by_node
from isospike.ops import Role
from isospike.sites.driven import Carrier, carriers, is_product, is_weighted, operands, value_size


def driven_share(graph: Graph, macs: Mapping[str, int]) -> float:
    """The part of the multiply-accumulates behind the first layer whose operands come as spikes; 1 if there are none.

    A product of two values is driven where neither of them is a current and it accumulates (`Role.PRODUCT`).

    Args:
        graph: a captured network, with sites placed or not.
        macs: those of every op, by name.
    """
    known = carriers(graph)
    total = driven = 0
    for node in graph.op_nodes():
        read = {known[source] for source in operands(node, known)}
        if not (is_weighted(node) or is_product(node)) or read <= {Carrier.INPUT}:
            continue
        count = macs.get(op_of(node).name, 0)
        accumulates = is_weighted(node) or op_of(node).role is Role.PRODUCT
        total += count
        driven += count if accumulates and Carrier.CURRENT not in read else 0
    return driven / total if total else 1.0


def macs_by_name(graph: Graph) -> dict[str, int]:
    """Multiply-accumulates of every op that does any; of an elementwise product one for each of its values."""
    counts = macs_by_node(graph)
    return {op_of(node).name: counts[node] or is_product(node) * value_size(node) for node in graph.op_nodes()}
