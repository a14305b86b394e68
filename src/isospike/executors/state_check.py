"""Whether the state of an earlier run can be continued: the same network, the same batch size."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from isospike.errors import SimulationError
from isospike.executors.program import Instruction, Program, reads_means
from isospike.executors.run import State
from isospike.graphs.graph import op_of, output_leaves
from isospike.inputs import Inputs
from isospike.neurons import Memory, Temporal
from isospike.neurons.island import start_island


def check_state(state: State, program: Program, like: Inputs) -> None:
    """The state must hold what a run of this program remembers, for the samples ``like`` ``[B, ...]``.

    Raises:
        SimulationError: it comes from another network, batch size, kind of input, device or type.
    """
    if not state.elapsed and not state.memory and not state.sums:
        return
    if max(state.sums, default=0) != state.elapsed:
        raise SimulationError(f"the state has run {state.elapsed} steps, its sums {max(state.sums, default=0)}")
    reference = _reference(program, like)
    wanted = {op_of(i.node).name: _start(i, len(like)) for i in program.every_step if _remembers(i)}
    if set(wanted) != set(state.memory):
        raise SimulationError(
            f"the state remembers {_listed(state.memory)}, this network with this kind of input {_listed(wanted)}; "
            "continue the run it came from"
        )
    for name, memory in wanted.items():
        if set(memory) != set(state.memory[name]):
            raise SimulationError(f"the state of '{name}' holds {_listed(state.memory[name])}, not {_listed(memory)}")
        for key, value in memory.items():
            _check_tensor(f"the state of '{name}'", state.memory[name][key], tuple(value.shape), reference)
    shapes = [(len(like), *op_of(leaf).shape) for leaf in output_leaves(program.output)]
    for total in state.sums.values():
        if len(total) != len(shapes):
            raise SimulationError(f"the state has {len(total)} outputs, the network {len(shapes)}")
        for value, shape in zip(total, shapes, strict=True):
            _check_tensor("the state of an output", value, shape, reference)


def _reference(program: Program, like: Inputs) -> Tensor:
    """A tensor of the number format and on the device of the values: the input, or of tokens what neurons hold."""
    if isinstance(like, Tensor) and like.is_floating_point():
        return like
    modules = [i.call for i in program.every_step if isinstance(i.call, Temporal)]
    return next(tensor for module in modules for tensor in module.buffers() if tensor.is_floating_point())


def _remembers(instruction: Instruction) -> bool:
    return isinstance(instruction.call, Temporal) or reads_means(instruction.node)


def _start(instruction: Instruction, batch: int) -> Memory:
    """Memory of ``batch`` samples without values: its keys and shapes."""
    node = instruction.node
    sources = [s for s in node.all_input_nodes if s.op != "get_attr" and op_of(s).numbers == "real"]
    inputs = [torch.empty((batch, *op_of(source).shape), device="meta") for source in sources]
    if isinstance(instruction.call, Temporal):
        return instruction.call.start(inputs[0])
    return {**start_island(inputs), "total": torch.empty((batch, *op_of(node).shape), device="meta")}


def _check_tensor(what: str, value: Tensor, shape: tuple[int, ...], like: Tensor) -> None:
    if tuple(value.shape) != shape:
        raise SimulationError(
            f"{what} has shape {list(value.shape)}, the run needs {list(shape)}; continue with the same batch size"
        )
    if (value.device, value.dtype) != (like.device, like.dtype):
        raise SimulationError(
            f"{what} is {value.dtype} on {value.device}, the input {like.dtype} on {like.device}; continue on the same"
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "nothing"
