"""The one place where a graph with neurons becomes a network of the kind that its neurons are."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from isospike.errors import ConversionError
from isospike.graphs.graph import Graph
from isospike.network.calibrated import CalibratedNetwork
from isospike.network.emitting import EmittingNetwork
from isospike.network.network import SNN, kind_of
from isospike.network.profile import Profile
from isospike.network.readout import ReadOut
from isospike.network.streaming import StreamingNetwork
from isospike.neurons import Kind


def network_of(graph: Graph, profile: Profile, *, sets: Mapping[int, Mapping[str, Tensor]] | None = None) -> SNN:
    """The network of a graph.

    Args:
        graph: with neurons in the place of activations; its modules are shared, not copied.
        profile: what is known of the network besides.
        sets: for every number of steps that a streaming network was calibrated for, the tensors that it replaces.

    Raises:
        ConversionError: no neurons, neurons of several kinds, or what goes with another kind.
    """
    if kind_of(graph) is Kind.EMITTING:
        if sets or profile.readout != ReadOut():
            raise ConversionError("an accumulate-then-emit network has its own number of steps and no read-out")
        return EmittingNetwork(graph, profile)
    if sets:
        return CalibratedNetwork(graph, profile, sets)
    return StreamingNetwork(graph, profile)
