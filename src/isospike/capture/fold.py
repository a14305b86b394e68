"""Batch normalisation folded into the layer before it."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, fx, nn

from isospike.capture.affine import ChannelAffine
from isospike.capture.graph import Graph, argument, op_of

BatchNorm = nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d
Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d


def fold_batch_norm(graph: Graph) -> Graph:
    """A copy of the graph without batch normalisation; the argument is left as it is.

    With ``sigma = sqrt(var + eps)``, per output channel: ``W' = W * gamma / sigma`` and
    ``b' = beta + (cb - mu) * gamma / sigma``, ``cb`` the bias of the layer itself (0 if none). Without affine
    parameters ``gamma = 1`` and ``beta = 0``. A normalisation that does not directly follow a convolution or
    linear layer of its own becomes a `ChannelAffine`.
    """
    folded = graph.view()
    for node in list(folded.op_nodes()):
        module = folded.module_of(node) if node.op == "call_module" else None
        if isinstance(module, BatchNorm):
            _fold_one(folded, node, module)
    folded.graph.lint()
    folded.recompile()
    folded.delete_all_unused_submodules()
    return copy.deepcopy(folded)


def _fold_one(graph: Graph, node: fx.Node, norm: BatchNorm) -> None:
    scale, shift = _affine(norm)
    source = argument(node)
    layer = graph.module_of(source) if source.op == "call_module" else None
    if layer is None or len(source.users) > 1 or not _is_foldable(layer, op_of(node).shape):
        affine = ChannelAffine(norm.num_features)
        _assign(affine, scale, shift, like=norm.running_var)
        graph.replace(node, affine)
        return
    graph.replace(source, _scaled(layer, scale, shift))
    node.replace_all_uses_with(source)
    graph.graph.erase_node(node)


def _affine(norm: BatchNorm) -> tuple[Tensor, Tensor]:
    """Scale and shift of the normalisation, in float64."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    sigma = (norm.running_var.double() + norm.eps).sqrt()
    gamma = norm.weight.double() if norm.weight is not None else torch.ones_like(sigma)
    beta = norm.bias.double() if norm.bias is not None else torch.zeros_like(sigma)
    return gamma / sigma, beta - norm.running_mean.double() * gamma / sigma


def _is_foldable(layer: nn.Module, shape: tuple[int, ...]) -> bool:
    """A linear layer has its channels last, which is the normalised axis only for ``[B, C]``."""
    return isinstance(layer, Convolution | Transposed) or (isinstance(layer, nn.Linear) and len(shape) == 1)


@torch.no_grad()
def _scaled(layer: nn.Module, scale: Tensor, shift: Tensor) -> nn.Module:
    """A new layer computing ``scale * layer(x) + shift``; a layer may be shared, so it is never changed."""
    assert isinstance(layer, Convolution | Transposed | nn.Linear)
    weight = layer.weight.double()
    if isinstance(layer, Transposed):  # [C_in, C_out / groups, ...], the groups lie along C_in
        grouped = weight.unflatten(0, (layer.groups, -1))
        factor = scale.view(layer.groups, 1, -1, *(1,) * (weight.dim() - 2))
        weight = (grouped * factor).flatten(0, 1)
    else:
        weight = weight * scale.view(-1, *(1,) * (weight.dim() - 1))
    bias = shift if layer.bias is None else layer.bias.double() * scale + shift
    new = _empty_like(layer)
    _assign(new, weight, bias, like=layer.weight)
    return new


def _empty_like(layer: Convolution | Transposed | nn.Linear) -> nn.Module:
    if isinstance(layer, nn.Linear):
        return nn.Linear(layer.in_features, layer.out_features, device="meta")
    options = {name: getattr(layer, name) for name in ("stride", "padding", "dilation", "groups")}
    if isinstance(layer, Transposed):
        options["output_padding"] = layer.output_padding
    return type(layer)(layer.in_channels, layer.out_channels, layer.kernel_size, device="meta", **options)  # type: ignore[arg-type]


def _assign(module: nn.Module, weight: Tensor, bias: Tensor, *, like: Tensor | None) -> None:
    assert like is not None
    module.weight = nn.Parameter(weight.detach().to(like))
    module.bias = nn.Parameter(bias.detach().to(like))
