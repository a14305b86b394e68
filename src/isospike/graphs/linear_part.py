"""The linear part of an affine network: what one step of a spike train adds, beside the bias."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import fx, nn

from isospike.graphs.graph import Graph, op_of
from isospike.ops import Role, Stage, family

Change = Callable[[Graph, fx.Node], None]
"""Takes the constants out of a call, in place."""
linear_parts = Stage[Change]("the linear part", lambda record: record.is_additive and record.family.is_called)
"""What makes a call linear, by family; layers are modules, whose biases are taken out."""


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
        linear_parts[op_of(node).family](view, node)
    return view


@linear_parts.handles(
    *(family.MOVE, family.RESHAPE, family.SCALE, family.PRODUCT, family.REDUCE, family.ACCUMULATE, family.INTERPOLATE)
)
def _is_linear(graph: Graph, node: fx.Node) -> None:
    """Nothing is added to a product with constants."""


@linear_parts.handles(family.ADD)
def _without_constants(graph: Graph, node: fx.Node) -> None:
    node.args = (*(_zero(graph, node, operand) for operand in node.args[:2]), *node.args[2:])


@linear_parts.handles(family.JOIN)
def _without_constant_parts(graph: Graph, node: fx.Node) -> None:
    parts: Any = node.args[0]
    node.args = ([_zero(graph, node, part) for part in parts], *node.args[1:])


@linear_parts.handles(family.FILL)
def _filled_with_zeros(graph: Graph, node: fx.Node) -> None:
    record = op_of(node).record
    place = record.fill if record is not None else None
    if place is not None and len(node.args) > place:
        node.args = (*node.args[:place], 0.0, *node.args[place + 1 :])


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
