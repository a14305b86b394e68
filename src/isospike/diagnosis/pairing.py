"""The model beside the network: which of its nodes is which, whatever the method did to the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import fx, nn

from isospike.convertible import check_weights
from isospike.errors import SimulationError
from isospike.graphs import Graph, Role, capture, fold_batch_norm
from isospike.graphs.graph import op_of, output_leaves
from isospike.network import SNN
from isospike.neurons import activation_at_rest
from isospike.pooling import place_average_pool_neurons, place_max_pools
from isospike.pooling.rule import MaxPoolRule, rules

LEAST_SHARED = 0.5
"""Part of the model's sites that the network must have to be a network of this model, with whatever faults."""


@dataclass(frozen=True)
class Pairing:
    """A network and the model that it should stand for."""

    captured: Graph
    """The model as captured: batch normalisation in its place."""
    model: Graph
    """The model folded and prepared as the network's method does: activations at rest, pools in the same places."""
    snn: SNN
    """The network; of a calibrated one, that for the steps asked for."""
    base: Graph
    """The network's graph before parameters were calibrated, with activations."""
    sites: tuple[str, ...]
    """Sites that both have, in the order of the model."""


def pair(model: nn.Module | Graph, snn: SNN, example: torch.Tensor, *, steps: int | None) -> Pairing:
    """Capture the model and find the sites that it shares with the network.

    Args:
        model: the model, or its captured graph.
        snn: the network.
        example: a batch of inputs in the model's own number format.
        steps: number of steps of a calibrated network.

    Raises:
        CaptureError: the model cannot be captured.
        ConversionError: the model holds NaN or infinity.
        SimulationError: the network is not one of this model, or was not calibrated for this number of steps.
    """
    captured = model if isinstance(model, Graph) else capture(model, example)
    check_weights(captured)
    chosen = snn if steps is None else snn.for_steps(steps)
    folded = _prepared(_at_rest(fold_batch_norm(captured)), snn.graph).to(chosen.reference_tensor)
    shared = _shared_sites(folded, chosen.graph)
    _check_same_network(folded, chosen.graph, shared)
    return Pairing(captured, folded, chosen, snn.ann(), shared)


def nodes_by_name(graph: Graph) -> dict[str, fx.Node]:
    """Every node but the output, by the name of its op."""
    return {op_of(node).name: node for node in graph.graph.nodes if node.op != "output"}


def sources_of(node: fx.Node) -> list[str]:
    """Names of the ops that a node reads, constants left out, in order."""
    nodes = output_leaves(node) if node.op == "output" else node.all_input_nodes
    return [op_of(source).name for source in nodes if source.op != "get_attr"]


def putting_out(graph: Graph, names: Sequence[str]) -> Graph:
    """A view that puts out the values of these ops, as a list."""
    view = graph.view()
    nodes = nodes_by_name(view)
    view.output_node.args = ([nodes[name] for name in names],)
    return view


def _at_rest(folded: Graph) -> Graph:
    for node in folded.nodes_with(Role.ACTIVATION):
        folded.replace(node, activation_at_rest(folded.module_of(node)))
    return folded


def _prepared(folded: Graph, spiking: Graph) -> Graph:
    """Max pools moved and average pools followed by activations where the network has them so."""
    kinds = [type(module) for module in spiking.modules() if isinstance(module, MaxPoolRule)]
    names = [name for name, kind in rules.items() if kind in kinds]
    placed = place_max_pools(folded, names[0]) if names else folded
    with_pool_neurons = place_average_pool_neurons(placed)
    added = set(with_pool_neurons.sites) - set(placed.sites)
    return with_pool_neurons if added & set(spiking.sites) else placed


def _shared_sites(model: Graph, spiking: Graph) -> tuple[str, ...]:
    ours, theirs = nodes_by_name(model), nodes_by_name(spiking)
    known = set(spiking.sites)
    return tuple(site for site in model.sites if site in known and op_of(ours[site]).shape == op_of(theirs[site]).shape)


def _check_same_network(model: Graph, spiking: Graph, shared: Sequence[str]) -> None:
    shapes = [[op_of(leaf).shape for leaf in output_leaves(graph.output_node)] for graph in (model, spiking)]
    same = model.input_shape == spiking.input_shape and shapes[0] == shapes[1]
    if same and shared and len(shared) >= LEAST_SHARED * max(len(model.sites), len(spiking.sites)):
        return
    raise SimulationError(
        f"the network takes {list(spiking.input_shape)} and has the sites {_few(spiking.sites)}, the model takes "
        f"{list(model.input_shape)} and has {_few(model.sites)}; diagnose a network with the model that it was "
        "converted from"
    )


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
