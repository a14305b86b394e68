"""The model beside the network: which of its nodes is which, whatever the method did to the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import fx, nn

from isospike.convertible import check_weights
from isospike.graphs import Graph, Role, capture, fold_batch_norm
from isospike.graphs.graph import op_of, output_leaves
from isospike.inputs import Inputs
from isospike.measure.belonging import check_belongs, prepared, shared_sites
from isospike.network import SNN
from isospike.neurons import activation_at_rest
from isospike.sites.code_tables import without_tables

LEAST_SHARED = 2 / 3
"""Part of the model's sites that the network must have to be a network of this model, with whatever faults."""


@dataclass(frozen=True)
class Pairing:
    """A network and the model that it should stand for."""

    captured: Graph
    """The model as captured: batch normalisation in its place."""
    model: Graph
    """The model folded and prepared as the network's method does: activations at rest, pools in the same places."""
    ann: Graph
    """The same with no function as a table: its values are what the network is measured by."""
    snn: SNN
    """The network; of a calibrated one, that for the steps asked for."""
    base: Graph
    """The network's graph before parameters were calibrated, with activations."""
    sites: tuple[str, ...]
    """Sites that both have, in the order of the model."""


def pair(model: nn.Module | Graph, snn: SNN, example: Inputs, *, steps: int | None) -> Pairing:
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
    folded = prepared(_at_rest(fold_batch_norm(captured)), snn.graph).to(chosen.reference_tensor)
    check_belongs(folded, chosen.graph, least=LEAST_SHARED)
    shared = shared_sites(folded, chosen.graph)
    return Pairing(captured, folded, without_tables(folded), chosen, snn.ann(), shared)


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
