"""Weights of the network beside those of the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, fx, nn

from isospike.diagnosis.diagnosis import Fault
from isospike.diagnosis.pairing import Pairing, nodes_by_name
from isospike.graphs import Graph, Role
from isospike.graphs.graph import argument, attribute, op_of
from isospike.measure.quantised import quantised_ann
from isospike.network import EmittingNetwork
from isospike.ops import family
from isospike.sites import with_offsets

Tensors = Mapping[str, Tensor]
"""The parameters of one op by name."""
SAME = 1e-3
"""Part of its norm by which a tensor may differ: more than the rounding of any number format, less than a change."""
CALIBRATED = 0.5
"""Part of its norm by which calibration may move a tensor: it corrects a conversion, it trains no new network."""


def faulty_weights(pairing: Pairing) -> list[Fault]:
    """Ops whose parameters are not the model's: batch normalisation that was not folded, or other numbers.

    Parameters that the method calibrated are compared with a wide tolerance. Where every op differs, the network is one
    of another training, and that is the one fault.
    """
    if pairing.snn.exact and set(pairing.sites) != set(pairing.snn.sites):
        return [_not_compared()]
    expected, bare = expected_graph(pairing), nodes_by_name(pairing.captured)
    base, running = nodes_by_name(pairing.base), nodes_by_name(pairing.snn.graph)
    faults, other, compared = list[Fault](), 0, 0
    for node in _weighted(expected):
        name = op_of(node).name
        if name not in base or name not in running:
            continue  # a missing op is a fault of the edges
        compared += 1
        wanted, before = _tensors(expected, node), _tensors(pairing.base, base[name])
        now = _tensors(pairing.snn.graph, running[name])
        norm = _norm_behind(pairing.captured, bare.get(name))
        if norm is not None and _is_unfolded(_tensors(pairing.captured, bare[name]), wanted, (before, now)):
            faults.append(_unfolded(norm, name))
            continue
        off, moved = _distance(before, wanted), _distance(now, before)
        if off > SAME or moved > CALIBRATED:
            other += 1
            of_norm = norm if any(_is_rescaled(tensors, wanted) for tensors in (before, now)) else None
            faults.append(_other(name, max(off, moved), of_norm))
    return [_another_training(compared)] if other == compared > 1 else faults


def expected_graph(pairing: Pairing) -> Graph:
    """The model as the network should have it: with its offsets, on its binary grid if both have the same sites."""
    snn = pairing.snn
    if isinstance(snn, EmittingNetwork) and snn.exact and set(pairing.sites) == set(snn.sites):
        return quantised_ann(pairing.model, snn)
    return with_offsets(pairing.model, snn.graph)


def _is_unfolded(bare: Tensors, folded: Tensors, found: tuple[Tensors, ...]) -> bool:
    """Whether tensors are those in front of a normalisation that changes them."""
    return _distance(bare, folded) > SAME and any(_distance(tensors, bare) <= SAME for tensors in found)


def _weighted(graph: Graph) -> Iterator[fx.Node]:
    """Layers with parameters, and constants."""
    for node in graph.graph.nodes:
        is_layer = node.op == "call_module" and op_of(node).role is Role.LINEAR
        if node.op == "get_attr" or (is_layer and any(True for _ in graph.module_of(node).parameters())):
            yield node


def _tensors(graph: Graph, node: fx.Node) -> Tensors:
    if node.op == "get_attr":
        return {"constant": attribute(graph, str(node.target)).detach()}
    if node.op != "call_module":
        return {}
    module: nn.Module = graph.module_of(node)
    return {name: parameter.detach() for name, parameter in module.named_parameters()}


def _distance(a: Tensors, b: Tensors) -> float:
    """The largest relative difference of two sets of tensors; a bias that one has not is zero."""
    return max((_relative(a.get(name), b.get(name)) for name in {**a, **b}), default=0.0)


def _relative(a: Tensor | None, b: Tensor | None) -> float:
    if a is None or b is None:
        given = b if a is None else a
        assert given is not None
        return 1.0 if bool(given.any()) else 0.0
    if a.shape != b.shape:
        return float("inf")
    if torch.equal(a, b):
        return 0.0
    size = float(b.double().norm())
    difference = float((a.double() - b.to(a.device).double()).norm())
    return difference / size if size else difference


def _norm_behind(captured: Graph, layer: fx.Node | None) -> str | None:
    """The batch normalisation that reads a layer of the captured model."""
    users = () if layer is None else tuple(layer.users)
    norms = [user for user in users if user.op == "call_module" and op_of(user).family is family.AFFINE]
    return next((op_of(norm).name for norm in norms if argument(norm) is layer), None)


def _unfolded(norm: str, layer: str) -> Fault:
    return Fault(
        norm,
        f"batch normalisation {norm} is not folded into {layer}: the network has the weights in front of it",
        f"fold {norm} into {layer} with isospike.fold_batch_norm, or convert the model again",
    )


def _is_rescaled(found: Tensors, wanted: Tensors) -> bool:
    """Whether weights are those of the model but for a factor per output channel, which is all that a norm gives."""
    a, b = (tensors["weight"].double().flatten(1) for tensors in (found, wanted))
    if a.shape != b.shape:
        return False
    factor = (a * b).sum(1, keepdim=True) / b.square().sum(1, keepdim=True).clamp(min=torch.finfo(b.dtype).tiny)
    return _relative(a, factor * b) <= SAME


def _other(name: str, distance: float, norm: str | None) -> Fault:
    scaled = "" if norm is None else f", by a factor per channel, as those of batch normalisation {norm} in it would"
    return Fault(
        name if norm is None else norm,
        f"the weights of {name} are not those of the model: they differ by {distance:.2g} of their size{scaled}",
        "convert the model again, or give the weights that the network was converted from",
    )


def _not_compared() -> Fault:
    return Fault(
        "network",
        "the network is on the binary grid and its sites are not the model's: its weights could not be compared",
        "diagnose the network converted without exact=True",
    )


def _another_training(compared: int) -> Fault:
    return Fault(
        "model",
        f"the weights of all {compared} ops differ from the model's: the network comes from another training of it",
        "give the weights that the network was converted from",
    )
