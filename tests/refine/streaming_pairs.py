"""A network, its spiking twin before any calibration, and how far apart they are."""

from __future__ import annotations

import torch
from torch import Tensor

import isospike as iso
from isospike.calibrate.batches import Batches
from isospike.graphs import Graph, Role
from isospike.graphs.graph import op_of
from isospike.measure.deviation import with_sites
from isospike.network import Profile, Provenance, network_of
from isospike.neurons import StreamingNeuron
from isospike.neurons import streaming as neurons
from isospike.pooling import place_max_pools
from isospike.refine import Calibration
from networks import NETWORKS

STEPS = 6


def pair(name: str, captured, neuron: str = "integrate-and-fire") -> tuple[Graph, Graph, Tensor]:
    """The ANN and its network before the calibration, in float64, and inputs."""
    ann = place_max_pools(iso.fold_batch_norm(captured(name)).double(), "cumulative")
    x = NETWORKS[name].inputs(16).double()
    kind = neurons[neuron]
    spiking = ann.view()
    scales = iso.convert(ann, iso.methods.Maximum(granularity="channel"), data=[x]).graph
    for node in spiking.nodes_with(Role.ACTIVATION):
        theta = scales.get_submodule(op_of(node).name).v_threshold
        spiking.replace(node, kind(theta, theta * (0 if kind.rounds_itself else 0.5), spiking.module_of(node)))
    return ann, spiking, x


def refine(passes, ann: Graph, spiking: Graph, x: Tensor, **options) -> Graph:
    for one in passes:
        spiking = one.refine(ann, spiking, Calibration(Batches([x]), STEPS, **options))
    return spiking


def layers(graph: Graph) -> dict[str, StreamingNeuron]:
    return {op_of(node).name: graph.module_of(node) for node in graph.nodes_with(Role.ACTIVATION)}


@torch.no_grad()
def errors(ann: Graph, spiking: Graph, x: Tensor) -> dict[str, Tensor]:
    """Activation less mean output, ``[B, ...]``, of every site."""
    network = network_of(with_sites(spiking), Profile(Provenance("test")))
    _, means = iso.simulate(network, x, steps=STEPS).output
    _, wanted = with_sites(ann)(x)
    return {site: a - s for site, a, s in zip(spiking.sites, wanted, means, strict=True)}
