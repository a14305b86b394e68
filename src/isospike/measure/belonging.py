"""Whether a network can be one of a model: what both take and put out, their sites and the shapes there."""

from __future__ import annotations

from collections.abc import Sequence

from isospike.errors import SimulationError
from isospike.graphs import Graph
from isospike.graphs.graph import op_of
from isospike.messages import with_article
from isospike.network import SNN
from isospike.ops import Role
from isospike.ops.two_sided import TwoSided
from isospike.pooling import place_average_pool_neurons, place_max_pools
from isospike.pooling.rule import MaxPoolRule, rules
from isospike.sites import as_islands, place_sites, two_sided_sites
from isospike.sites.code_tables import tabled_like

NAMED = 8
"""Sites that a message names; it counts the others."""


def check_network(snn: object, verb: str) -> None:
    """Refuse what is no network.

    Raises:
        SimulationError: it is none.
    """
    if not isinstance(snn, SNN):
        raise SimulationError(
            f"the network is {with_article(snn)}; {verb} takes the model, then what isospike.convert or load gives"
        )


def prepared(folded: Graph, spiking: Graph) -> Graph:
    """Max pools moved, activations behind average pools, sites in front of products and islands where it has so."""
    kinds = [type(module) for module in spiking.modules() if isinstance(module, MaxPoolRule)]
    names = [name for name, kind in rules.items() if kind in kinds]
    sited = place_sites(folded)
    if not set(sited.sites) - set(folded.sites) & set(spiking.sites):
        sited = folded
    sited = tabled_like(_with_islands(sited, spiking), spiking.sites)
    placed = place_max_pools(sited, names[0]) if names else sited
    with_pool_neurons = place_average_pool_neurons(placed)
    added = set(with_pool_neurons.sites) - set(placed.sites)
    return with_pool_neurons if added & set(spiking.sites) else placed


def _with_islands(sited: Graph, spiking: Graph) -> Graph:
    """Two-sided functions as islands where the network's neurons do not quantise them, or it has none there."""
    neurons = {op_of(node).name: spiking.module_of(node) for node in spiking.nodes_with(Role.ACTIVATION)}
    apart = [
        site
        for site in two_sided_sites(sited)
        if not isinstance(getattr(neurons.get(site), "activation", None), TwoSided)
    ]
    return as_islands(sited, apart, neurons)


def shared_sites(model: Graph, spiking: Graph) -> tuple[str, ...]:
    """Sites that both have, of one shape, in the order of the model."""
    ours, theirs = _site_shapes(model), _site_shapes(spiking)
    return tuple(site for site, shape in ours.items() if theirs.get(site) == shape)


def check_belongs(model: Graph, spiking: Graph, *, least: float = 1.0) -> None:
    """Refuse a network that cannot be one of this model.

    Args:
        model: the model, folded and `prepared` like the network.
        spiking: the network's graph.
        least: part of the sites that both must share; all by default, fewer where faults are looked for.

    Raises:
        SimulationError: it takes or puts out other shapes, or has other sites; the message names what differs.
    """
    parts = []
    if model.input_shape != spiking.input_shape:
        parts.append(f"it takes {list(spiking.input_shape)}, the model {list(model.input_shape)}")
    if model.output_shapes != spiking.output_shapes:
        parts.append(f"it puts out {_shapes(spiking)}, the model {_shapes(model)}")
    shared = shared_sites(model, spiking)
    if not shared or len(shared) < least * max(len(model.sites), len(spiking.sites)):
        parts += _other_sites(model, spiking)
    if parts:
        raise SimulationError(
            f"the network is not one of this model: {'; '.join(parts)}; give the model that it was converted from"
        )


def _other_sites(model: Graph, spiking: Graph) -> list[str]:
    if set(model.sites) != set(spiking.sites):
        return [f"it has the sites {_few(spiking.sites)}, the model {_few(model.sites) or 'none'}"]
    ours, theirs = _site_shapes(model), _site_shapes(spiking)
    wrong = [site for site, shape in ours.items() if theirs[site] != shape]
    return [f"at '{site}' it has {list(theirs[site])}, the model {list(ours[site])}" for site in wrong[:NAMED]]


def _site_shapes(graph: Graph) -> dict[str, tuple[int, ...]]:
    ops = [op_of(node) for node in graph.nodes_with(Role.ACTIVATION)]
    return {op.name: op.shape for op in ops}


def _shapes(graph: Graph) -> str:
    return ", ".join(str(list(shape)) for shape in graph.output_shapes)


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
