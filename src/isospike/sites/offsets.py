"""Constants behind signed sites, which the layers that read them have in their biases."""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn

from isospike.graphs.graph import Graph, op_of
from isospike.graphs.scaled import Convolution, scaled
from isospike.ops import Role
from isospike.sites.normalisations import layers_of_rows


def layers_behind(graph: Graph, site: fx.Node) -> list[fx.Node]:
    """The layers that read a site, where they can have a constant of each of its channels in their biases.

    These are fully connected layers of the site's last axis and convolutions without padding. There are none where
    anything else reads the site: padding is zero and no constant, and a product would have one product more.
    """
    op = op_of(site)
    if op.channel_axis % (1 + len(op.shape)) == len(op.shape):
        return layers_of_rows(site, op.shape[-1]) or []
    users = list(site.users)
    whole = all(user.op == "call_module" and _is_unpadded(graph.module_of(user)) for user in users)
    return users if whole and op.channel_axis == 1 else []


def fold_offset(graph: Graph, site: fx.Node, offset: Tensor) -> None:
    """``W (a + c) + b = W a + (W c + b)``, in place, in the layers behind a site; see `layers_behind`.

    Args:
        graph: changed in place; its modules are not.
        site: the site.
        offset: c, broadcastable to one sample: one number, or one of each channel.
    """
    for node in layers_behind(graph, site):
        layer = graph.module_of(node)
        assert isinstance(layer, Convolution | nn.Linear)
        weight = layer.weight.detach().double().flatten(2).sum(2) if layer.weight.dim() > 2 else layer.weight.double()
        groups = getattr(layer, "groups", 1)
        constants = offset.double().flatten().expand(groups * weight.shape[1]).unflatten(0, (groups, -1))
        shift = torch.einsum("goi,gi->go", weight.unflatten(0, (groups, -1)), constants).flatten().detach()
        graph.replace(node, scaled(layer, torch.ones_like(shift), shift))


def with_offsets(graph: Graph, spiking: Graph) -> Graph:
    """A view of a network's ANN in which the layers have the offsets of its neurons in their biases as well.

    Args:
        graph: the ANN, with the network's sites.
        spiking: the network's graph.
    """
    view, neurons = graph.view(), {op_of(node).name: spiking.module_of(node) for node in _sites(spiking)}
    for node in _sites(view):
        offset = getattr(neurons.get(op_of(node).name), "offset", None)
        if offset is not None:
            fold_offset(view, node, offset)
    return view


def _sites(graph: Graph) -> list[fx.Node]:
    return graph.nodes_with(Role.ACTIVATION)


def _is_unpadded(layer: nn.Module) -> bool:
    """Whether a layer is a convolution that sees no padding."""
    if not isinstance(layer, Convolution):
        return False
    return layer.padding == "valid" or not any(layer.padding)
