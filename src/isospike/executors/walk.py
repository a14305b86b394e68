"""One pass through an accumulate-then-emit network, whatever the executor."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor, fx

from isospike.executors.executor import Chunk
from isospike.executors.run import Record
from isospike.graphs.graph import Graph, call, output_leaves
from isospike.inputs import Inputs
from isospike.memory_format import channels_last
from isospike.network import TrainProgram
from isospike.neurons import EventCounts


class Walk(ABC):
    """Goes through a network in order and keeps every value until its last reader has run."""

    def __init__(self, program: TrainProgram, record: Record) -> None:
        self.program = program
        self.record = record
        self.values: dict[fx.Node, Any] = {}
        self.spikes: dict[str, Tensor] = {}
        self.codes: dict[str, Tensor] = {}

    @abstractmethod
    def value(self, node: fx.Node) -> Any:
        """What a node computes from ``self.values``."""

    @abstractmethod
    def enter(self, x: Tensor) -> Any:
        """The value of the input node for images ``[B, ...]``."""

    @abstractmethod
    def leave(self, value: Any) -> Tensor:
        """The answer ``[B, ...]`` of an output node's value."""

    @abstractmethod
    def inhibitory(self) -> dict[str, Tensor] | None:
        """Inhibitory events so far, see `Chunk`."""

    def run(self, x: Inputs) -> Chunk:
        """Images ``[B, ...]`` through the whole network."""
        graph = self.program.graph
        given = zip(graph.input_nodes, graph.ordered(x), strict=True)
        self.values = {node: self.enter(channels_last(tensor)) for node, tensor in given}
        for node in graph.op_nodes():
            self.values[node] = self.value(node)
            for dead in self.program.free.get(node, ()):
                self.values.pop(dead, None)
        outputs = [self.leave(self.values[node]).unsqueeze(0) for node in output_leaves(graph.output_node)]
        events = {site: EventCounts(spikes, spikes) for site, spikes in self.spikes.items()}
        return Chunk(outputs, events, self.codes, self.inhibitory())


def compute(graph: Graph, node: fx.Node, values: Mapping[fx.Node, Any]) -> Any:
    """What a node computes from the values so far; constants, which are not among them, from the graph."""

    def value(source: fx.Node) -> Any:
        return values[source] if source in values else call(graph, source, value)

    return call(graph, node, value)
