"""The neurons of a streaming network, to be changed in a view."""

from __future__ import annotations

import copy

from torch import fx

from isospike.errors import ConversionError
from isospike.graphs.graph import Graph, op_of
from isospike.neurons import StreamingNeuron
from isospike.neurons.neuron import title_of
from isospike.ops import Role


def with_own_neurons(spiking: Graph, what: str) -> tuple[Graph, list[StreamingNeuron]]:
    """A view of a streaming network with copies of its neurons, and these in order of execution.

    Raises:
        ConversionError: see `own_neuron`.
    """
    view, neurons = spiking.view(), list[StreamingNeuron]()
    for node in view.nodes_with(Role.ACTIVATION):
        neurons.append(own_neuron(view, node, what))
        view.replace(node, neurons[-1])
    return view, neurons


def own_neuron(spiking: Graph, node: fx.Node, what: str) -> StreamingNeuron:
    """A copy of the neuron at a site.

    Raises:
        ConversionError: it is no streaming neuron that ``what`` could correct.
    """
    neuron = spiking.module_of(node)
    if not isinstance(neuron, StreamingNeuron) or not neuron.corrected_over_time:
        raise ConversionError(
            f"{what} corrects streaming neurons, '{op_of(node).name}' has {title_of(neuron)} neurons; leave it "
            "out, or choose other neurons"
        )
    return copy.deepcopy(neuron)
