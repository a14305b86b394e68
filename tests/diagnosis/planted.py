"""Faults planted into converted networks by surgery on their graphs."""

from __future__ import annotations

import copy

import torch

import isospike as iso
from isospike.graphs.graph import op_of
from isospike.neurons import Emitter


def with_threshold(snn: iso.SNN, site: str, factor: float) -> iso.SNN:
    """The threshold of one site times a factor."""
    broken = copy.deepcopy(snn)
    neuron = broken.graph.get_submodule(site)
    names = ("unit", "amplitude", "v_init") if isinstance(neuron, Emitter) else ("v_threshold", "v_init")
    for name in names:
        getattr(neuron, name).mul_(factor)
    return broken


def with_unfolded(snn: iso.SNN, captured: iso.Graph, layer: str) -> iso.SNN:
    """One layer with the weights in front of its batch normalisation."""
    broken = copy.deepcopy(snn)
    own = copy.deepcopy(captured.get_submodule(layer)).to(snn.reference_tensor)
    broken.graph.set_submodule(layer, own)
    return broken


def without_branch(snn: iso.SNN, join: str, *, kept: int, dead: bool = True) -> iso.SNN:
    """An addition replaced by one of its operands; what computed the other one stays (``dead``) or goes too."""
    broken = copy.deepcopy(snn)
    node = next(node for node in broken.graph.op_nodes() if op_of(node).name == join)
    node.replace_all_uses_with(node.all_input_nodes[kept])
    broken.graph.graph.erase_node(node)
    if not dead:
        broken.graph.graph.eliminate_dead_code()
    return broken


def adds_of(graph: iso.Graph) -> list[str]:
    """Names of the additions."""
    return [op.name for op in graph.ops if op.kind == "add"]


def seeded(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Normally distributed numbers."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))
