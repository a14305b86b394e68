"""Batch normalisation folded into the layer before it, factors behind additions into their branches."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, fx, nn

from isospike.graphs.graph import Graph, argument, op_of
from isospike.graphs.normalised import ChannelMoments, note
from isospike.graphs.scaled import assign, can_be_scaled, scaled
from isospike.graphs.weighted_add import fold_weighted_adds
from isospike.ops.affine import ChannelAffine

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d


def fold_batch_norm(graph: Graph) -> Graph:
    """A copy of the graph without batch normalisation and weighted additions; the argument is left as it is.

    With ``sigma = sqrt(var + eps)``, per output channel: ``W' = W * gamma / sigma`` and
    ``b' = beta + (cb - mu) * gamma / sigma``, ``cb`` the bias of the layer itself (0 if none). Without affine
    parameters ``gamma = 1`` and ``beta = 0``. A normalisation that does not directly follow a convolution or
    linear layer of its own becomes a `ChannelAffine`. Then `fold_weighted_adds`.
    """
    folded = graph.view()
    for node in list(folded.op_nodes()):
        module = folded.module_of(node) if node.op == "call_module" else None
        if isinstance(module, BatchNorm):
            _fold_one(folded, node, module)
    fold_weighted_adds(folded)
    folded.graph.lint()
    return copy.deepcopy(folded.view())  # a view has nothing that is not used


def _fold_one(graph: Graph, node: fx.Node, norm: BatchNorm) -> None:
    scale, shift = _affine(norm)
    source = argument(node)
    layer = graph.module_of(source) if source.op == "call_module" else None
    if layer is None or len(source.users) > 1 or not can_be_scaled(layer, op_of(node).shape):
        affine = ChannelAffine(norm.num_features)
        assign(affine, scale, shift, like=norm.running_var)
        graph.replace(node, affine)
        note(node, _moments(norm))
        return
    graph.replace(source, scaled(layer, scale, shift))
    note(source, _moments(norm))
    node.replace_all_uses_with(source)
    graph.graph.erase_node(node)


def _affine(norm: BatchNorm) -> tuple[Tensor, Tensor]:
    """Scale and shift of the normalisation, in float64."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    sigma, (gamma, beta) = (norm.running_var.double() + norm.eps).sqrt(), _own(norm)
    return gamma / sigma, beta - norm.running_mean.double() * gamma / sigma


def _own(norm: BatchNorm) -> tuple[Tensor, Tensor]:
    """``gamma`` and ``beta``, float64."""
    assert norm.running_var is not None
    none = torch.zeros_like(norm.running_var, dtype=torch.float64)
    gamma = norm.weight.double() if norm.weight is not None else none + 1
    beta = norm.bias.double() if norm.bias is not None else none
    return gamma, beta


def _moments(norm: BatchNorm) -> ChannelMoments:
    """Of the values behind a normalisation: ``beta`` and ``gamma^2``."""
    gamma, beta = _own(norm)
    return ChannelMoments(beta.detach(), gamma.detach().square())
