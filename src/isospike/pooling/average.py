"""Neurons behind average pools, so that what they pass on are spikes of one size again."""

from __future__ import annotations

from dataclasses import replace

from torch import fx, nn

from isospike.graphs.graph import Graph, argument, attach, op_of
from isospike.graphs.origin import unused_name
from isospike.ops import Role, family


def place_average_pool_neurons(graph: Graph) -> Graph:
    """A view with an activation behind every average pool of activations, called as the pool with ``_neuron`` behind.

    The pool stays, as the depthwise convolution with weights ``1 / (k_h k_w)`` that it is (windows cut by a border keep
    weights of their own). Averages of activations are not negative, so the ReLU changes nothing in the ANN; it is the
    site of a neuron (Li et al. 2021, *A Free Lunch From ANN*, average pooling). Other average pools stay linear.
    """
    placed = graph.view()
    for node in list(placed.op_nodes()):
        if op_of(node).family is family.AVERAGE_POOL and _is_activation(argument(node)):
            _insert(placed, node)
    placed.graph.lint()
    return placed


def _is_activation(node: fx.Node) -> bool:
    """Whether a value is not negative because an activation made it; a max pool between them changes nothing."""
    while op_of(node).family is family.RESHAPE or op_of(node).role is Role.MAX_POOL:
        node = argument(node)
    return op_of(node).role is Role.ACTIVATION


def _insert(graph: Graph, pool: fx.Node) -> None:
    op = op_of(pool)
    name = unused_name(graph, f"{op.name}_neuron")
    attach(graph, name, nn.ReLU())
    with graph.graph.inserting_after(pool):
        node = graph.graph.call_module(name, (pool,))
    pool.replace_all_uses_with(node, delete_user_cb=lambda user: user is not node)

    node.meta["op"] = replace(op, name=name, kind="relu", role=Role.ACTIVATION, reason="")
