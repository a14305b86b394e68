"""Neurons behind average pools, so that what they pass on are spikes of one size again."""

from __future__ import annotations

from dataclasses import replace

from torch import fx, nn

from isospike.graphs.graph import Graph, argument, attach, op_of
from isospike.graphs.origin import unused_name
from isospike.neurons.quantiser import is_signed
from isospike.ops import Role, family
from isospike.ops.signed_site import SignedSite


def place_average_pool_neurons(graph: Graph) -> Graph:
    """A view with an activation behind every average pool of activations, called as the pool with ``_neuron`` behind.

    The pool stays, as the depthwise convolution with weights ``1 / (k_h k_w)`` that it is (windows cut by a border keep
    weights of their own). Averages of activations are not negative, so the ReLU changes nothing in the ANN; it is the
    site of a neuron (Li et al. 2021, *A Free Lunch From ANN*, average pooling). Behind a signed site it is another
    signed site. Other average pools stay linear.
    """
    placed = graph.view()
    for node in list(placed.op_nodes()):
        source = _activation(argument(node)) if op_of(node).family is family.AVERAGE_POOL else None
        if source is not None:
            _insert(placed, node, signed=is_signed(placed.module_of(source)))
    placed.graph.lint()
    return placed


def _activation(node: fx.Node) -> fx.Node | None:
    """The activation that made a value; a max pool between them changes nothing."""
    while op_of(node).family is family.RESHAPE or op_of(node).role is Role.MAX_POOL:
        node = argument(node)
    return node if op_of(node).role is Role.ACTIVATION else None


def _insert(graph: Graph, pool: fx.Node, *, signed: bool) -> None:
    op = op_of(pool)
    name = unused_name(graph, f"{op.name}_neuron")
    kind, activation = ("signed_site", SignedSite()) if signed else ("relu", nn.ReLU())
    attach(graph, name, activation)
    with graph.graph.inserting_after(pool):
        node = graph.graph.call_module(name, (pool,))
    pool.replace_all_uses_with(node, delete_user_cb=lambda user: user is not node)

    node.meta["op"] = replace(op, name=name, kind=kind, role=Role.ACTIVATION, reason="")
