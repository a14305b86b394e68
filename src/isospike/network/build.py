"""The one place where a graph with neurons becomes a network of the kind that its neurons are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from isospike.data.preprocess import Preprocess
from isospike.errors import ConversionError
from isospike.graphs.graph import Graph
from isospike.network.calibrated import CalibratedNetwork
from isospike.network.emitting import EmittingNetwork
from isospike.network.network import SNN, Provenance, kind_of
from isospike.network.readout import ReadOut
from isospike.network.streaming import StreamingNetwork
from isospike.neurons import Kind
from isospike.tasks import Task


def network_of(
    graph: Graph,
    *,
    provenance: Provenance,
    preprocess: Preprocess | None = None,
    readout: ReadOut | None = None,
    sets: Mapping[int, Mapping[str, Tensor]] | None = None,
    task: Task | None = None,
) -> SNN:
    """The network of a graph.

    Args:
        graph: with neurons in the place of activations; its modules are shared, not copied.
        provenance: how it was made.
        preprocess: how images become inputs, when known.
        readout: how the outputs of the steps of a streaming network become one answer.
        sets: for every number of steps that a streaming network was calibrated for, the tensors that it replaces.
        task: what its answers are for; by default what its outputs look like.

    Raises:
        ConversionError: no neurons, neurons of several kinds, or what goes with another kind.
    """
    known: dict[str, Any] = {"provenance": provenance, "preprocess": preprocess, "task": task}
    if kind_of(graph) is Kind.EMITTING:
        if sets or readout not in (None, ReadOut()):
            raise ConversionError("an accumulate-then-emit network has its own number of steps and no read-out")
        return EmittingNetwork(graph, **known)
    if sets:
        return CalibratedNetwork(graph, **known, readout=readout, sets=sets)
    return StreamingNetwork(graph, **known, readout=readout)
