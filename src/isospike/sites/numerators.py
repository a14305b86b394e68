"""Attention weights as numerators: what spikes is never divided, so that small rows keep their digits."""

from __future__ import annotations

import torch
from torch import fx

from isospike.graphs.graph import Graph, argument, op_of
from isospike.sites.nodes import insert_call, is_call_of, sole_user

ATEN = torch.ops.aten


def split_softmax(graph: Graph) -> list[fx.Node]:
    """``softmax(s) v`` as ``(e v) / sum(e)`` with ``e = exp(s - max(s))``, in place, where a product reads a softmax.

    A quantiser with one unit for all rows loses the rows whose weights are small; those of ``e`` all reach one. The sum
    is to be taken over what is sent of ``e``, so that the weights of a row sum to one again.

    Returns:
        The sums, which still read ``e`` itself.
    """
    return [_split(graph, node) for node in list(graph.op_nodes()) if _is_weight(node)]


def _is_weight(node: fx.Node) -> bool:
    """Whether a node is a softmax along the last axis that one product sums over."""
    user, rank = sole_user(node), 1 + len(op_of(node).shape)
    if not is_call_of(node, "softmax") or not is_call_of(user, "matmul", "bmm"):
        return False
    assert user is not None
    return node.args[1] in (-1, rank - 1) and user.args[0] is node and user.args[1] is not node


def _split(graph: Graph, softmax: fx.Node) -> fx.Node:
    op, product, scores = op_of(softmax), sole_user(softmax), argument(softmax)
    assert product is not None
    row = (*op.shape[:-1], 1)
    largest = insert_call(graph, scores, ATEN.amax.default, scores, [-1], True, like=op, shape=row)
    shifted = insert_call(graph, largest, ATEN.sub.Tensor, scores, largest, like=op)
    numerator = insert_call(graph, shifted, ATEN.exp.default, shifted, like=op)
    softmax.replace_all_uses_with(numerator)
    graph.graph.erase_node(softmax)
    total = insert_call(graph, product, ATEN.sum.dim_IntList, numerator, [-1], True, like=op, shape=row)
    quotient = insert_call(graph, total, ATEN.div.Tensor, product, total, like=op_of(product))
    product.replace_all_uses_with(quotient, delete_user_cb=lambda user: user is not quotient)
    return total
