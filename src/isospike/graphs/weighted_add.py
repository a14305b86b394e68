"""Weighted additions: a factor behind a residual addition, moved into the layers before it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx

from isospike.graphs.graph import Graph, attach, attribute, op_of
from isospike.graphs.op import Op
from isospike.graphs.origin import unused_name
from isospike.graphs.scaled import assign, can_be_scaled, scaled
from isospike.ops import Role, family
from isospike.ops.affine import ChannelAffine


def fold_weighted_adds(graph: Graph) -> None:
    """Fold ``w * (x + y)`` into the branches, in place, where ``w`` is a constant scalar or has one value per channel.

    ``w * (conv(x) + y) = conv'(x) + w * y`` with the weights and the bias of the convolution multiplied by ``w``. A
    branch without a layer, an identity shortcut, becomes a `ChannelAffine`: the weight of its spikes. Done only where
    one branch at least is a layer, so that it never adds an operation, and where no layer among the branches has other
    users, whose values would change.
    """
    for node in list(graph.op_nodes()):
        total, constant = _weighted_add(node)
        if total is None:
            continue
        branches = list(dict.fromkeys(total.all_input_nodes))
        layers = [branch for branch in branches if _is_layer(graph, branch)]
        if not layers or any(len(layer.users) > 1 for layer in layers):
            continue
        weight = graph.module_of(layers[0]).weight
        assert isinstance(weight, Tensor)
        factor = _per_channel(graph, constant, op_of(total), weight.dtype)
        if factor is None:
            continue
        for branch in branches:
            if branch in layers:
                graph.replace(branch, scaled(graph.module_of(branch), factor))
            else:
                _weigh(graph, branch, total, factor, weight)
        node.replace_all_uses_with(total)
        graph.graph.erase_node(node)
        if isinstance(constant, fx.Node) and not constant.users:
            graph.graph.erase_node(constant)


def _weighted_add(node: fx.Node) -> tuple[fx.Node | None, Any]:
    """The addition that a node multiplies, and the other factor; ``None`` where it does not."""
    if node.op == "call_function" and _multiplies(node):
        first, second = node.args[:2]
        for total, factor in ((first, second), (second, first)):
            if isinstance(total, fx.Node) and _is_own_sum(total):
                return total, factor
    return None, None


def _multiplies(node: fx.Node) -> bool:
    record = op_of(node).record
    return record is not None and record.family is family.SCALE and not record.divides and len(node.args) > 1


def _is_own_sum(node: fx.Node) -> bool:
    """Whether a node adds two values of its own shape for one user alone."""
    op = op_of(node)
    if node.op != "call_function" or op.family is not family.ADD or len(node.users) > 1:
        return False
    operands = node.args[:2]
    return op.channel_axis == 1 and all(
        isinstance(x, fx.Node) and x.op != "get_attr" and op_of(x).shape == op.shape for x in operands
    )


def _per_channel(graph: Graph, factor: Any, op: Op, dtype: torch.dtype) -> Tensor | None:
    """A constant as one value per channel ``[C]``; ``None`` for any other, and where it widens the numbers."""
    if isinstance(factor, fx.Node):
        if factor.op != "get_attr":
            return None
        value = attribute(graph, str(factor.target)).detach()
    elif isinstance(factor, int | float):
        value = torch.tensor(float(factor))
    else:
        return None
    channels, rank = op.shape[0], 1 + len(op.shape)
    promotes = value.dim() > 0 and torch.promote_types(value.dtype, dtype) != dtype
    if value.dim() > rank or promotes:
        return None
    shape = (1,) * (rank - value.dim()) + tuple(value.shape)
    if math.prod(shape) != shape[1] or shape[1] not in (1, channels):
        return None
    return value.double().reshape(-1).expand(channels).clone()


def _is_layer(graph: Graph, node: fx.Node) -> bool:
    return node.op == "call_module" and can_be_scaled(graph.module_of(node), op_of(node).shape)


def _weigh(graph: Graph, branch: fx.Node, total: fx.Node, factor: Tensor, like: Tensor) -> None:
    """Put a `ChannelAffine` between a branch and the addition."""
    op = op_of(total)
    name = unused_name(graph, f"{op.name}_shortcut")
    affine = ChannelAffine(len(factor))
    assign(affine, factor, torch.zeros_like(factor), like=like)
    attach(graph, name, affine)
    with graph.graph.inserting_before(total):
        node = graph.graph.call_module(name, (branch,))
    node.meta["op"] = replace(op, name=name, kind="batch_norm", role=Role.LINEAR, reason="")
    total.replace_input_with(branch, node)
