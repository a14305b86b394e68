"""The `stepped` executor: every time step of every layer, as a chip would do it."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from isospike.executors.emitting import EmittingExecutor
from isospike.executors.executor import executors
from isospike.executors.run import Record
from isospike.executors.walk import Walk, compute
from isospike.graphs.graph import Graph, argument, op_of
from isospike.graphs.linear_part import linear_part
from isospike.memory_format import channels_last
from isospike.network import EmittingNetwork, TrainProgram
from isospike.neurons import Currents, Emitter
from isospike.ops import Role


@dataclass(frozen=True)
class SteppedProgram:
    """What a walk step by step knows before it starts."""

    trains: TrainProgram
    """Lengths, codes and lifetimes of all trains."""
    linear: Graph
    """The linear part of the graph, its nodes by the same names."""


class Stepped(EmittingExecutor[SteppedProgram]):
    """Trains are there as they are, step by step."""

    def compile(self, network: EmittingNetwork, *, constant_input: bool) -> SteppedProgram:
        """What biases bring comes apart from what spikes bring; the input is an image in any case."""
        return SteppedProgram(network.trains(), linear_part(network.graph))

    def walk(self, program: SteppedProgram, record: Record) -> Walk:
        """A walk of currents."""
        return SteppedWalk(program, record)

    def elements(self, program: SteppedProgram) -> int:
        """Sequences in full length."""
        return program.trains.peak(program.trains.steps)


class SteppedWalk(Walk):
    """Values are `Currents`: sequences ``[T, B, ...]``, or tuples of them, and the constants that come with them.

    A layer runs when its sources have emitted their whole trains. Shorter trains are padded with silence at their
    end. A bias is spread over the steps of the train that its layer reads; the analogue image enters at once, with the
    first step, and so do the biases of layers that read it. A max pool of spike trains gives the train of the maximum;
    any other max pool waits for the totals. Analogue islands are computed on totals.
    """

    def __init__(self, program: SteppedProgram, record: Record) -> None:
        super().__init__(program.trains, record)
        self.linear_graph = program.linear
        self.linear = {node.name: node for node in program.linear.graph.nodes}
        self.inhibited: dict[str, Tensor] = {}

    def inhibitory(self) -> dict[str, Tensor]:
        """As counted."""
        return self.inhibited

    def enter(self, x: Tensor) -> Currents:
        """The image, all at once."""
        return Currents(x.unsqueeze(0), analogue=True)

    def leave(self, value: Currents) -> Tensor:
        """The sum over the steps."""
        total: Tensor = _total(value)
        return total

    def value(self, node: fx.Node) -> Currents:
        """The sequence of a node."""
        module = self.program.graph.module_of(node) if node.op == "call_module" else None
        if isinstance(module, Emitter):
            return self._emit(node, module)
        pools = op_of(node).role is Role.MAX_POOL
        if pools and node in self.program.trains and module is not None:
            train = self.values[argument(node)].train
            return self._watched(node, self.program.trains[node].max_pool(train, module))
        if node in self.program.analogue:
            return self._at_once(node)
        if op_of(node).role is Role.PRODUCT:
            return self._product(node)
        return Currents(self._train(node), self._constants(node))

    def _emit(self, node: fx.Node, neuron: Emitter) -> Currents:
        emission = neuron.emit(self.values[argument(node)])
        site = op_of(node).name
        if self.record.spikes:
            self.spikes[site] = (emission.spikes != 0).flatten(2).sum(2)
        if self.record.codes:
            self.codes[site] = neuron.code.decode(emission.spikes)
        if emission.inhibitory is not None:
            self.inhibited[site] = emission.inhibitory
        return self._watched(node, neuron.weigh(emission.spikes))

    def _watched(self, node: fx.Node, train: Tensor) -> Currents:
        if self.record.watch is not None:
            self.record.watch(op_of(node).name, train)
        return Currents(train)

    def _at_once(self, node: fx.Node) -> Currents:
        """What is computed on the image, or on totals."""
        totals = {source: _total(self.values[source]) for source in self._sources(node)}
        result = compute(self.program.graph, node, totals)
        return Currents(_each(lambda v: v.unsqueeze(0), result), analogue=True)

    def _product(self, node: fx.Node) -> Currents:
        """``A B = sum_t A_t B``: the spikes of one operand accumulate values of the other, decoded before."""
        graph, streamed = self.program.graph, self.program.streamed(node)
        decoded = {source: _total(self.values[source]) for source in self._sources(node) if source is not streamed}
        value, steps = self.values[streamed], self.program.steps[streamed]
        many = {source: total.expand(steps, *total.shape).flatten(0, 1) for source, total in decoded.items()}
        train = compute(graph, node, {streamed: value.train.flatten(0, 1), **many}).unflatten(0, (steps, -1))
        constants = {n: compute(graph, node, {streamed: total, **decoded}) for n, total in value.constants.items()}
        return Currents(train, constants)

    def _train(self, node: fx.Node) -> Any:
        """The linear part of every step."""
        steps = self.program.steps[node]
        sources = self._sources(node)
        values = {self.linear[s.name]: _each(lambda v: _frames(v, steps), self.values[s].train) for s in sources}
        frames = compute(self.linear_graph, self.linear[node.name], values)
        return _each(lambda v: v.unflatten(0, (steps, -1)), frames)

    def _constants(self, node: fx.Node) -> dict[int, Any]:
        """The constants of the sources behind the linear part, and the node's own, spread over its steps."""
        sources = self._sources(node)
        none = {s: _each(functools.partial(_none, rows=op_of(s).rows), self.values[s].train) for s in sources}
        found = {}
        for steps in {n for s in sources for n in self.values[s].constants}:
            values = {self.linear[s.name]: self.values[s].constants.get(steps, none[s]) for s in sources}
            found[steps] = compute(self.linear_graph, self.linear[node.name], values)
        own, steps = compute(self.program.graph, node, none), self.program.steps[node]
        if any(v.any() for v in pytree.tree_leaves(own)):
            found[steps] = pytree.tree_map(torch.add, own, found[steps]) if steps in found else own
        return found

    def _sources(self, node: fx.Node) -> list[fx.Node]:
        return [source for source in node.all_input_nodes if source in self.values]


def _none(sequence: Tensor, rows: int) -> Tensor:
    """Zeros for one sample, which stands for all; for all of them where a sample has several rows."""
    return torch.zeros_like(sequence[0, :1] if rows == 1 else sequence[0])


def _each(change: Any, sequences: Any) -> Any:
    """The same change of a sequence, or of every one of a tuple."""
    return pytree.tree_map(change, sequences)


def _total(value: Currents) -> Any:
    """Everything that comes, of a sequence or of every one of a tuple."""
    parts = [_each(_sum, value.train), *value.constants.values()]
    return functools.reduce(lambda a, b: pytree.tree_map(torch.add, a, b), parts)


def _sum(sequence: Tensor) -> Tensor:
    """Over the steps; tokens and masks come in one, as what they are."""
    return sequence.sum(0) if sequence.is_floating_point() else sequence[0]


def _frames(sequence: Tensor, steps: int) -> Tensor:
    """Steps 1 to ``steps`` as one flat batch, silence where the sequence has ended."""
    silence = [0, 0] * (sequence.dim() - 1) + [0, steps - len(sequence)]
    return channels_last(F.pad(sequence, silence).flatten(0, 1))


executors.register("stepped", Stepped())
