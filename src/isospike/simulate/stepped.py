"""The `stepped` executor: every time step of every layer, as a chip would do it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx
from torch.nn import functional as F
from torch.utils import _pytree as pytree

from isospike.capture.graph import argument, op_of
from isospike.capture.roles import Role
from isospike.memory_format import channels_last
from isospike.neurons import Emitter
from isospike.simulate.program import is_island
from isospike.simulate.run import Record
from isospike.simulate.trains import TrainProgram
from isospike.simulate.walk import Walk, compute


class Stepped(Walk):
    """Values are sequences ``[T, B, ...]``, or tuples of them.

    A layer runs when its sources have emitted their whole trains. Shorter trains are padded with silence at their
    end; biases and the analogue image enter once, with the first step. A max pool of spike trains gives the train of
    the maximum; any other max pool waits for the totals. Analogue islands are computed on totals.
    """

    def __init__(self, program: TrainProgram, record: Record) -> None:
        super().__init__(program, record)
        self.linear = {node.name: node for node in program.linear.graph.nodes}
        self.inhibited: dict[str, Tensor] = {}

    @staticmethod
    def elements(program: TrainProgram) -> int:
        """Sequences in full length."""
        return program.peak(program.steps)

    def inhibitory(self) -> dict[str, Tensor]:
        """As counted."""
        return self.inhibited

    def enter(self, x: Tensor) -> Tensor:
        """The image, all at once."""
        return x.unsqueeze(0)

    def leave(self, value: Tensor) -> Tensor:
        """The sum over the steps."""
        return value.sum(0)

    def value(self, node: fx.Node) -> Any:
        """The sequence of a node."""
        module = self.program.graph.module_of(node) if node.op == "call_module" else None
        if isinstance(module, Emitter):
            return self._emit(node, module)
        pools = op_of(node).role is Role.MAX_POOL
        if pools and node in self.program.trains and module is not None:
            return self._watched(node, self.program.trains[node].max_pool(self.values[argument(node)], module))
        if pools or is_island(node):
            return self._on_totals(node)
        return self._affine(node)

    def _emit(self, node: fx.Node, neuron: Emitter) -> Tensor:
        emission = neuron.emit(self.values[argument(node)])
        site = op_of(node).name
        if self.record.spikes:
            self.spikes[site] = emission.spikes.flatten(2).sum(2)
        if self.record.codes:
            self.codes[site] = neuron.code.decode(emission.spikes)
        if emission.inhibitory is not None:
            self.inhibited[site] = emission.inhibitory
        return self._watched(node, neuron.weigh(emission.spikes))

    def _watched(self, node: fx.Node, train: Tensor) -> Tensor:
        if self.record.watch is not None:
            self.record.watch(op_of(node).name, train)
        return train

    def _on_totals(self, node: fx.Node) -> Any:
        totals = {s: _each(lambda v: v.sum(0), self.values[s]) for s in self._sources(node)}
        return _each(lambda v: v.unsqueeze(0), compute(self.program.graph, node, totals))

    def _affine(self, node: fx.Node) -> Any:
        """The affine map of the first step, its linear part of the others."""
        sources = self._sources(node)
        steps = self.program.steps[node]
        first = compute(self.program.graph, node, {s: _each(lambda v: v[0], self.values[s]) for s in sources})
        first = _each(lambda v: v.unsqueeze(0), first)
        if steps == 1:
            return first
        values = {self.linear[s.name]: _each(lambda v: _later(v, steps), self.values[s]) for s in sources}
        rest = compute(self.program.linear, self.linear[node.name], values)
        return pytree.tree_map(lambda a, b: torch.cat([a, b.unflatten(0, (steps - 1, -1))]), first, rest)

    def _sources(self, node: fx.Node) -> list[fx.Node]:
        return [source for source in node.all_input_nodes if source in self.values]


def _each(change: Any, sequences: Any) -> Any:
    """The same change of a sequence, or of every one of a tuple."""
    return pytree.tree_map(change, sequences)


def _later(sequence: Tensor, steps: int) -> Tensor:
    """Steps 2 to ``steps`` as one flat batch, silence where the sequence has ended."""
    silence = [0, 0] * (sequence.dim() - 1) + [0, steps - len(sequence)]
    return channels_last(F.pad(sequence, silence)[1:].flatten(0, 1))
