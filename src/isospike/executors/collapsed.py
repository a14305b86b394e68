"""The `collapsed` executor: one pass of the quantised network gives every code, hence every spike."""

from __future__ import annotations

from typing import Any

from torch import Tensor, fx

from isospike.executors.emitting import EmittingExecutor
from isospike.executors.executor import executors
from isospike.executors.run import Record
from isospike.executors.walk import Walk, compute
from isospike.graphs.graph import argument, op_of
from isospike.kernels import code_histogram
from isospike.network import EmittingNetwork, TrainProgram
from isospike.neurons import Emitter


class Collapsed(EmittingExecutor[TrainProgram]):
    """The time of one pass of the quantised ANN, whatever T; there are no trains, only what can be counted of them."""

    shows_trains = False

    def compile(self, network: EmittingNetwork, *, constant_input: bool) -> TrainProgram:
        """Lengths, codes and lifetimes of all trains; the input is an image in any case."""
        return network.trains()

    def walk(self, program: TrainProgram, record: Record) -> Walk:
        """A walk of totals."""
        return CollapsedWalk(program, record)

    def elements(self, program: TrainProgram) -> int:
        """One value for every sequence."""
        return program.peak(dict.fromkeys(program.steps, 1))


class CollapsedWalk(Walk):
    """Values are totals ``[B, ...]``.

    Every train is a function of its code and every map between neurons is affine, so totals are all that matters.
    Inhibitory events depend on the order of the currents and stay unknown.
    """

    def __init__(self, program: TrainProgram, record: Record) -> None:
        super().__init__(program, record)
        self.inhibits = False

    def inhibitory(self) -> dict[str, Tensor] | None:
        """Unknown where there are any."""
        return None if self.inhibits else {}

    def enter(self, x: Tensor) -> Tensor:
        """The image."""
        return x

    def leave(self, value: Tensor) -> Tensor:
        """The total."""
        return value

    def value(self, node: fx.Node) -> Any:
        """The total of a node."""
        graph = self.program.graph
        module = graph.module_of(node) if node.op == "call_module" else None
        if isinstance(module, Emitter):
            return self._emit(node, module)
        return compute(graph, node, self.values)

    def _emit(self, node: fx.Node, neuron: Emitter) -> Tensor:
        current, site = self.values[argument(node)], op_of(node).name
        self.inhibits |= neuron.inhibits
        if not (self.record.spikes or self.record.codes):
            value: Tensor = neuron(current)
            return value
        values = neuron.codes(current)
        if self.record.spikes:
            counts = code_histogram(values - neuron.lowest if neuron.lowest else values, neuron.levels - neuron.lowest)
            self.spikes[site] = neuron.code.count(counts, neuron.steps)
        if self.record.codes:
            self.codes[site] = values.long()
        return values.mul_(neuron.amplitude)  # the codes are not needed any more


executors.register("collapsed", Collapsed())
