"""Puts a pooling rule in the place of every max pool of a graph."""

from __future__ import annotations

from dataclasses import replace

from torch import fx

from isospike.graphs.graph import Graph, argument, op_of
from isospike.ops import Role
from isospike.pooling.rule import rules


def place_max_pools(graph: Graph, rule: str) -> Graph:
    """A view of the graph with ``rule`` for every max pool, moved in front of the neuron where the rule says so.

    ``max(relu(z)) = relu(max(z))``, so the move changes nothing in the ANN (Bu et al. 2025).
    """
    kind = rules[rule]
    placed = graph.view()
    for node in placed.nodes_with(Role.MAX_POOL):
        placed.replace(node, kind(placed.module_of(node)))
        source = argument(node)
        if kind.before_neuron and op_of(source).role is Role.ACTIVATION and len(source.users) == 1:
            _move_before(node, source)
    placed.graph.lint()
    return placed


def _move_before(pool: fx.Node, activation: fx.Node) -> None:
    """``activation -> pool`` becomes ``pool -> activation``."""
    shape = op_of(pool).shape
    pool.replace_all_uses_with(activation)
    pool.args = (argument(activation),)
    activation.args = (pool,)
    activation.prepend(pool)
    activation.meta["op"] = replace(op_of(activation), shape=shape)
