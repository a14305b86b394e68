"""Runs a compiled network over chunks of time, with all state in plain sight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, fx
from torch.utils import _pytree as pytree

from isospike.capture.graph import op_of, output_leaves
from isospike.memory_format import channels_last
from isospike.neurons import Memory, Temporal
from isospike.neurons.island import advance_island, start_island
from isospike.simulate.program import Instruction, Program, is_island


@dataclass(frozen=True)
class State:
    """Everything a run remembers; hand it to the next part of the same run."""

    elapsed: int = 0
    """Steps so far."""
    memory: dict[str, Memory] = field(default_factory=dict)
    """State of every module with memory, by name."""
    sums: dict[int, list[Tensor]] = field(default_factory=dict)
    """Running sums of the outputs at the steps that a later answer may need."""

    def copy(self) -> State:
        """A state of its own for a new run; sums are never changed in place and stay shared."""
        memory = {name: {key: value.clone() for key, value in m.items()} for name, m in self.memory.items()}
        return State(self.elapsed, memory, dict(self.sums))


class Execution:
    """One run: the values that do not change over time, the memory of the modules, and the clock."""

    def __init__(self, program: Program, x: Tensor, state: State) -> None:
        self.program = program
        self.memory = state.memory
        self.elapsed = state.elapsed
        self.constant = self._run_once(x)

    def advance(self, x: Tensor, steps: int) -> tuple[list[Tensor], dict[str, Tensor]]:
        """Run the next ``steps`` steps.

        Args:
            x: the sequence ``[steps, B, ...]`` for a changing input; ignored for a constant one.
            steps: how many.

        Returns:
            The outputs, each ``[steps, B, ...]``, and per site the spikes ``[steps, B]``.
        """
        values: dict[fx.Node, Any] = dict(self.constant)
        counts: dict[str, Tensor] = {}
        for instruction in self.program.every_step:
            node = instruction.node
            if node is self.program.input:
                values[node] = channels_last(x.flatten(0, 1))
            elif isinstance(instruction.call, Temporal):
                values[node] = self._temporal(instruction, instruction.call, values, steps, counts)
            elif is_island(node):
                values[node] = self._island(instruction, values, steps)
            else:
                args, kwargs = self._arguments(node, values, steps)
                values[node] = instruction.call(*args, **kwargs)
            for dead in instruction.free:
                values.pop(dead, None)
        self.elapsed += steps
        return self._outputs(values, steps), counts

    def _run_once(self, x: Tensor) -> dict[fx.Node, Any]:
        values: dict[fx.Node, Any] = {}
        for instruction in self.program.once:
            node = instruction.node
            if node is self.program.input:
                values[node] = channels_last(x)
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
        counts: dict[str, Tensor],
    ) -> Tensor:
        name = op_of(instruction.node).name
        x = self._sequence(instruction.node.all_input_nodes[0], values, steps)
        memory = self._memory(name, lambda: module.start(x[0]))
        changing = instruction.node.all_input_nodes[0] in self.program.changing
        out, spikes = module.advance(x, memory, overwrite=instruction.overwrites and changing)
        if spikes is not None:
            counts[name] = spikes
        return out.flatten(0, 1)

    def _island(self, instruction: Instruction, values: dict[fx.Node, Any], steps: int) -> Tensor:
        node = instruction.node
        variable = [source for source in node.all_input_nodes if source.op != "get_attr"]
        inputs = [self._sequence(source, values, steps) for source in variable]
        memory = self._memory(op_of(node).name, lambda: start_island([x[0] for x in inputs]))

        def function(flat: Any) -> Tensor:
            known = {**values, **dict(zip(variable, flat, strict=True))}
            args, kwargs = fx.map_arg((node.args, node.kwargs), known.__getitem__)
            result: Tensor = instruction.call(*args, **kwargs)
            return result

        return advance_island(function, inputs, memory, self.elapsed).flatten(0, 1)

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
