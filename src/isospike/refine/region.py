"""The affine part of a network between the neurons before one layer and that layer."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from torch import fx

from isospike.graphs.graph import Graph, argument, op_of
from isospike.ops import Role, family


@dataclass(frozen=True)
class Region:
    """What computes the current of one neuron layer from the outputs of others."""

    site: fx.Node
    """The neuron layer."""
    sources: tuple[fx.Node, ...]
    """Neurons (or what else the region ends at), and perhaps the input, whose outputs it reads."""
    inside: tuple[fx.Node, ...]
    """Everything between, in order of execution."""

    @property
    def weighted(self) -> tuple[fx.Node, ...]:
        """The convolutions and linear layers."""
        return tuple(node for node in self.inside if node.op == "call_module" and op_of(node).family in _WEIGHTED)

    def module(self, graph: Graph) -> Graph:
        """The region as a function of its sources; it shares the modules of ``graph``."""
        inner, known = fx.Graph(), dict[fx.Node, fx.Node]()
        for number, source in enumerate(self.sources):
            known[source] = inner.placeholder(f"source{number}")
        for node in self.inside:
            known[node] = inner.node_copy(node, known.__getitem__)
        inner.output(known[argument(self.site)])
        return Graph(graph, inner)


_WEIGHTED = frozenset({family.CONVOLUTION, family.DENSE})


_NEURONS = frozenset({Role.ACTIVATION})


def region_of(graph: Graph, site: fx.Node, *, ends: Container[Role] = _NEURONS) -> Region:
    """The region of a neuron layer of ``graph``, back to the neurons, or other ops of the roles ``ends``, before it."""
    sources, inside, waiting = set[fx.Node](), set[fx.Node](), [argument(site)]
    while waiting:
        node = waiting.pop()
        if op_of(node).role is Role.INPUT or (node.op != "get_attr" and op_of(node).role in ends):
            sources.add(node)
        elif node not in inside:
            inside.add(node)
            waiting.extend(node.all_input_nodes)
    order = list(graph.graph.nodes)
    return Region(site, tuple(n for n in order if n in sources), tuple(n for n in order if n in inside))
