"""The linear part of an affine network: what one step of a spike train adds, beside the bias."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import fx, nn

from isospike.capture.graph import Graph, op_of
from isospike.capture.roles import Role

SUMS = frozenset({"add", "sub", "rsub"})
JOINS = frozenset({"cat", "stack"})
FILLED = {"constant_pad_nd": 2, "pad": 3}
"""Ops that fill with a constant, and the place of that constant among their arguments."""


def linear_part(graph: Graph) -> Graph:
    """A view in which every linear op is ``f(x) - f(0)``: biases and added constants are zero.

    ``f(sum_t x_t) = f(0) + sum_t L(x_t)`` with ``L`` the linear part of an affine ``f``. Node names are those of
    ``graph``.
    """
    view = graph.view()
    for node in list(view.nodes_with(Role.LINEAR)):
        if node.op == "call_module":
            view.replace(node, _without_bias(view.module_of(node)))
            continue
        kind = op_of(node).kind
        if kind in SUMS:
            node.args = (*(_zero(view, node, operand) for operand in node.args[:2]), *node.args[2:])
        elif kind in JOINS:
            parts: Any = node.args[0]
            node.args = ([_zero(view, node, part) for part in parts], *node.args[1:])
        elif kind in FILLED and len(node.args) > FILLED[kind]:
            place = FILLED[kind]
            node.args = (*node.args[:place], 0.0, *node.args[place + 1 :])
    return view


def _without_bias(module: nn.Module) -> nn.Module:
    if not isinstance(getattr(module, "bias", None), torch.Tensor):
        return module
    twin = copy.copy(module)
    twin._parameters = dict(module._parameters)
    twin.bias = nn.Parameter(torch.zeros_like(twin.bias), requires_grad=False)  # type: ignore[arg-type]
    return twin


def _zero(graph: Graph, user: fx.Node, operand: Any) -> Any:
    """Zero in the shape of a constant operand; anything else as it is."""
    if isinstance(operand, (int, float)):
        return 0
    if isinstance(operand, fx.Node) and operand.op == "get_attr":
        with graph.graph.inserting_before(user):
            return graph.graph.call_function(torch.zeros_like, (operand,))
    return operand
