"""Runs a compiled network over chunks of time, with all state in plain sight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from isospike.executors.executor import Chunk
from isospike.executors.program import Instruction, Program, reads_means
from isospike.executors.run import State
from isospike.graphs.graph import op_of, output_leaves
from isospike.inputs import Inputs, ordered
from isospike.memory_format import channels_last
from isospike.neurons import EventCounts, Memory, Temporal
from isospike.neurons.island import advance_island, start_island


class Execution:
    """One run: the values that do not change over time, the memory of the modules, and the clock."""

    def __init__(
        self, program: Program, x: Inputs, state: State, watch: Callable[[str, Tensor], None] | None = None
    ) -> None:
        self.program = program
        self.watch = watch
        self.memory = state.memory
        self.elapsed = state.elapsed
        self.constant = self._run_once(x)

    def advance(self, x: Inputs, steps: int) -> Chunk:
        """Run the next ``steps`` steps.

        Args:
            x: the sequence ``[steps, B, ...]`` for a changing input; ignored for a constant one.
            steps: how many.
        """
        values: dict[fx.Node, Any] = dict(self.constant)
        counts: dict[str, EventCounts] = {}
        for instruction in self.program.every_step:
            node = instruction.node
            if node.op == "placeholder":
                assert isinstance(x, Tensor)  # of sequences there is one
                values[node] = channels_last(x.flatten(0, 1))
            elif isinstance(instruction.call, Temporal):
                values[node] = self._temporal(instruction, instruction.call, values, steps, counts)
            elif reads_means(node):
                values[node] = self._island(instruction, values, steps)
            else:
                args, kwargs = self._arguments(node, values, steps)
                values[node] = instruction.call(*args, **kwargs)
            for dead in instruction.free:
                values.pop(dead, None)
        self.elapsed += steps
        return Chunk(self._outputs(values, steps), counts)

    def keep(self, rows: Tensor) -> None:
        """Go on with these samples ``[R]`` of the batch; parameters, and memory without axes, belong to all of them."""

        def kept(value: Tensor) -> Tensor:
            return channels_last(value[rows]) if value.dim() else value

        for memory in self.memory.values():
            memory.update({key: kept(value) for key, value in memory.items()})
        for node, value in self.constant.items():
            if node.op != "get_attr":
                self.constant[node] = pytree.tree_map(kept, value)

    def _run_once(self, x: Inputs) -> dict[fx.Node, Any]:
        values: dict[fx.Node, Any] = {}
        given = dict(
            zip(self.program.inputs, ordered(x, [op_of(node).name for node in self.program.inputs]), strict=True)
        )
        for instruction in self.program.once:
            node = instruction.node
            if node in given:
                values[node] = channels_last(given[node])
            else:
                args, kwargs = fx.map_arg((node.args, node.kwargs), values.__getitem__)
                values[node] = instruction.call(*args, **kwargs)
            for dead in instruction.free:
                values.pop(dead, None)
        return {node: values[node] for node in self.program.frontier}

    def _temporal(
        self,
        instruction: Instruction,
        module: Temporal,
        values: dict[fx.Node, Any],
        steps: int,
        counts: dict[str, EventCounts],
    ) -> Tensor:
        name = op_of(instruction.node).name
        x = self._sequence(instruction.node.all_input_nodes[0], values, steps)
        overwrite = instruction.overwrites and instruction.node.all_input_nodes[0] in self.program.changing
        if not module.spikes:
            outputs = []
            for piece, _ in self._pieces(name, steps):
                memory = self._memory(name, lambda: module.start(x[0]))
                outputs.append(module.advance(x[piece], memory, overwrite=overwrite)[0])
            out, events = torch.cat(outputs), None
        else:
            out, events = module.advance(x, self._memory(name, lambda: module.start(x[0])), overwrite=overwrite)
        if self.watch is not None:
            self.watch(name, out if events is None or events.sent is None else events.sent)
        if events is not None:
            counts[name] = events if events.sent is None else replace(events, sent=None)
        return out.flatten(0, 1)

    def _island(self, instruction: Instruction, values: dict[fx.Node, Any], steps: int) -> Tensor:
        node = instruction.node
        variable = [source for source in node.all_input_nodes if op_of(source).numbers == "real"]
        variable = [source for source in variable if source.op != "get_attr"]
        tokens = [source for source in node.all_input_nodes if op_of(source).numbers != "real"]
        inputs = [self._sequence(source, values, steps) for source in variable]

        def function(flat: Any) -> Tensor:
            known = {**values, **dict(zip(variable, flat, strict=True))}
            known |= {source: _repeated(values[source], len(flat[0])) for source in tokens}
            args, kwargs = fx.map_arg((node.args, node.kwargs), known.__getitem__)
            result: Tensor = instruction.call(*args, **kwargs)
            return result

        outputs = []
        for piece, clock in self._pieces(op_of(node).name, steps):
            memory = self._memory(op_of(node).name, lambda: start_island([x[0] for x in inputs]))
            outputs.append(advance_island(function, [x[piece] for x in inputs], memory, elapsed=clock))
        return torch.cat(outputs).flatten(0, 1)

    def _pieces(self, name: str, steps: int) -> Iterator[tuple[slice, int]]:
        """Steps of this chunk up to the end of a probe and behind it, and how many came before them.

        What is behind a probe starts anew: pools and islands forget what they saw during it.
        """
        restart = self.program.restart
        cut = min(max(restart - self.elapsed, 0), steps)
        if cut:
            yield slice(0, cut), self.elapsed
        if cut < steps:
            first = self.elapsed + cut
            if restart and first == restart:
                self.memory.pop(name, None)
            yield slice(cut, steps), first - restart

    def _memory(self, name: str, start: Callable[[], Memory]) -> Memory:
        if name not in self.memory:
            self.memory[name] = start()
        return self.memory[name]

    def _sequence(self, node: fx.Node, values: dict[fx.Node, Any], steps: int) -> Tensor:
        """The value of a node as ``[steps, B, ...]``."""
        value: Tensor = values[node]
        if node in self.program.changing:
            sequence: Tensor = value.unflatten(0, (steps, -1))
            return sequence
        return value.expand(steps, *value.shape)

    def _arguments(self, node: fx.Node, values: dict[fx.Node, Any], steps: int) -> Any:
        """Arguments as flat batches ``[steps * B, ...]``; parameters as they are."""

        def flat(source: fx.Node) -> Any:
            if source.op == "get_attr" or source in self.program.changing:
                return values[source]
            return pytree.tree_map(lambda v: v.expand(steps, *v.shape).flatten(0, 1), values[source])

        return fx.map_arg((node.args, node.kwargs), flat)

    def _outputs(self, values: dict[fx.Node, Any], steps: int) -> list[Tensor]:
        return [self._sequence(node, values, steps) for node in output_leaves(self.program.output)]


def _repeated(value: Tensor, rows: int) -> Tensor:
    """Tokens and masks ``[B, ...]``, which are the same at every step, for ``rows`` of all steps."""
    return value.expand(rows // len(value), *value.shape).flatten(0, 1)
