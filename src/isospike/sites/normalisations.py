"""The factors and shifts of layer normalisations, folded into the layers that read them through a site."""

from __future__ import annotations

import torch
from torch import Tensor, fx, nn

from isospike.graphs.graph import Graph, argument, attribute, op_of
from isospike.graphs.scaled import assign
from isospike.sites.nodes import is_call_of

WEIGHT, BIAS = 2, 3
"""Places of the factor and the shift among the arguments of a layer normalisation."""


def fold_normalisations(graph: Graph) -> None:
    """``W (gamma n + beta) + b = (W gamma) n + (W beta + b)``, in place, where layers alone read ``n`` through a site.

    What is sent then has a mean of zero and one range for all rows. A normalisation that anything else reads stays as
    it is, and so does one whose values a reshape mixes with others before they reach a layer.
    """
    for node in list(graph.op_nodes()):
        if is_call_of(node, "layer_norm") and _is_affine(node):
            layers = layers_of_rows(node, op_of(node).shape[-1])
            if layers:
                _fold(graph, node, layers)


def _is_affine(node: fx.Node) -> bool:
    constants = [argument for argument in node.args[WEIGHT : BIAS + 1] if isinstance(argument, fx.Node)]
    sizes: object = node.args[1]
    return bool(constants) and all(c.op == "get_attr" for c in constants) and len(sizes) == 1  # type: ignore[arg-type]


def layers_of_rows(node: fx.Node, channels: int) -> list[fx.Node] | None:
    """The fully connected layers that read a value, if nothing else does; its last axis must stay the last."""
    found: list[fx.Node] = []
    for user in node.users:
        if user.op == "call_module" and op_of(user).kind == "linear":
            found.append(user)
        elif user.op == "output" or not (op_of(user).kind == "signed_site" or _keeps_last(user, channels)):
            return None
        else:
            behind = layers_of_rows(user, channels)
            if not behind:
                return None
            found += behind
    return list(dict.fromkeys(found))


def _keeps_last(move: fx.Node, channels: int) -> bool:
    """Whether a move leaves every row of the last axis whole."""
    rank = 1 + len(op_of(move).shape)
    if not op_of(move).shape or op_of(move).shape[-1] != channels:
        return False
    if is_call_of(move, "permute"):
        axes: list[int] = list(move.args[1])  # type: ignore[arg-type]
        return axes[-1] in (-1, rank - 1)
    if is_call_of(move, "select", "slice"):
        place: int = move.args[1] if len(move.args) > 1 else 0  # type: ignore[assignment]
        return place not in (-1, len(op_of(argument(move)).shape))
    return is_call_of(move, "reshape", "view", "flatten", "unflatten")


@torch.no_grad()
def _fold(graph: Graph, node: fx.Node, layers: list[fx.Node]) -> None:
    gamma, beta = (_constant(graph, node, place) for place in (WEIGHT, BIAS))
    for layer in layers:
        module = graph.module_of(layer)
        assert isinstance(module, nn.Linear)
        weight = module.weight.double()
        bias = torch.zeros(len(weight), dtype=weight.dtype) if module.bias is None else module.bias.double()
        new = nn.Linear(module.in_features, module.out_features, device="meta")
        shift = weight @ beta if beta is not None else 0.0
        assign(new, weight if gamma is None else weight * gamma, bias.to(weight.device) + shift, like=module.weight)
        graph.replace(layer, new)
    constants = [argument for argument in node.args[WEIGHT : BIAS + 1] if isinstance(argument, fx.Node)]
    node.args = (*node.args[:WEIGHT], None, None, *node.args[BIAS + 1 :])
    for constant in constants:
        if not constant.users:
            graph.graph.erase_node(constant)


def _constant(graph: Graph, node: fx.Node, place: int) -> Tensor | None:
    found = node.args[place] if len(node.args) > place else None
    return attribute(graph, str(found.target)).double() if isinstance(found, fx.Node) else None
