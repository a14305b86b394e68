"""One pass through an accumulate-then-emit network, whatever the executor: the walk, and what it brings back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx

from isospike.capture.graph import Graph, call, output_leaves
from isospike.memory_format import channels_last
from isospike.simulate.run import Record
from isospike.simulate.trains import TrainProgram


@dataclass(frozen=True)
class Emissions:
    """What one batch made the neurons emit."""

    outputs: list[Tensor]
    """The answer: flat outputs ``[B, ...]``."""
    spikes: dict[str, Tensor]
    """Per site, spikes of every step and sample: int64 ``[T, B]``."""
    codes: dict[str, Tensor]
    """Per site, the whole numbers emitted: int64 ``[B, ...]``; empty if not wanted."""
    inhibitory: dict[str, Tensor] | None
    """Per site of inhibiting neurons, events per sample: int64 ``[B]``; ``None`` if unknown."""


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
        """Inhibitory events so far, see `Emissions`."""

    @staticmethod
    @abstractmethod
    def elements(program: TrainProgram) -> int:
        """Largest number of elements, per sample, that are alive at once."""

    def run(self, x: Tensor) -> Emissions:
        """Images ``[B, ...]`` through the whole network."""
        graph = self.program.graph
        self.values = {graph.input_node: self.enter(channels_last(x))}
        for node in graph.op_nodes():
            self.values[node] = self.value(node)
            for dead in self.program.free.get(node, ()):
                self.values.pop(dead, None)
        outputs = [self.leave(self.values[node]) for node in output_leaves(graph.output_node)]
        return Emissions(outputs, self.spikes, self.codes, self.inhibitory())


def compute(graph: Graph, node: fx.Node, values: Mapping[fx.Node, Any]) -> Any:
    """What a node computes from the values so far; constants, which are not among them, from the graph."""

    def value(source: fx.Node) -> Any:
        return values[source] if source in values else call(graph, source, value)

    return call(graph, node, value)
