"""The neurons of a streaming network, to be changed in a view."""

from __future__ import annotations

import copy

from isospike.capture.graph import Graph
from isospike.capture.roles import Role
from isospike.neurons import StreamingNeuron


def with_own_neurons(spiking: Graph) -> tuple[Graph, list[StreamingNeuron]]:
    """A view of a streaming network with copies of its neurons, and these in order of execution."""
    view, neurons = spiking.view(), list[StreamingNeuron]()
    for node in view.nodes_with(Role.ACTIVATION):
        neuron = copy.deepcopy(view.module_of(node))
        assert isinstance(neuron, StreamingNeuron)
        view.replace(node, neuron)
        neurons.append(neuron)
    return view, neurons
