"""One run of a spiking network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx
from torch.utils import _pytree as pytree

from isospike.errors import SimulationError
from isospike.registry import Registry
from isospike.simulate import layer, step
from isospike.simulate.execution import Execution, State
from isospike.simulate.program import Program
from isospike.simulate.readout import OutputSums

if TYPE_CHECKING:
    from isospike.network import SNN

DEFAULT_MEMORY_BUDGET = 64 * 2**20
"""Bytes for the values of one chunk of time; larger chunks leave the processor's caches and gain nothing."""

executors: Registry[Callable[[int, int], int]] = Registry("executor")
"""How many steps to run at once, from the bytes of one step and the budget."""
executors.register("layer", layer.steps_at_once)
executors.register("step", step.steps_at_once)


@dataclass(frozen=True)
class Record:
    """What a run keeps besides the answer; spike counts per site are always kept."""

    outputs: bool = True
    """The raw outputs of every step, ``[T, B, ...]``."""
    at: tuple[int, ...] = ()
    """Further steps at which the decoded answer is wanted."""


@dataclass(frozen=True)
class Run:
    """What came out of a simulation."""

    steps: int
    """Total number of steps, those of earlier parts of the run included."""
    output: Any
    """The answer after the last step, structured like the model's output."""
    answers: dict[int, Any]
    """The answer after each step in ``record.at`` and after the last one."""
    outputs: Any
    """Raw outputs of every step ``[T, B, ...]``, structured like the model's output; ``None`` if not recorded."""
    spikes: dict[str, Tensor]
    """Per site, the number of spikes of every step and sample: int64 ``[T, B]``."""
    state: State
    """Where the run stands; hand it to `simulate` to go on."""

    @property
    def spikes_per_sample(self) -> dict[str, Tensor]:
        """Per site, the spikes of all steps: int64 ``[B]``."""
        return {site: counts.sum(0) for site, counts in self.spikes.items()}


@torch.no_grad()
def simulate(
    snn: SNN,
    x: Tensor,
    *,
    steps: int,
    record: Record | None = None,
    executor: str = "layer",
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    state: State | None = None,
) -> Run:
    """Run a spiking network for ``steps`` time steps.

    Args:
        snn: the network; it is not changed and holds no state.
        x: an image batch ``[B, ...]``, fed as the same current at every step (direct coding), or a sequence
            ``[T, B, ...]`` with ``T >= steps``.
        steps: number of time steps.
        record: what to keep; by default the outputs of every step.
        executor: ``layer`` (layer by layer, in chunks of time) or ``step`` (one step at a time). Both give the
            same spikes; in float32 up to rounding at exact ties.
        memory_budget: bytes for the values alive in one chunk of `layer`.
        state: where an earlier run stands, to go on from there; it is not changed.

    Raises:
        SimulationError: steps, input or device do not fit the network.
        UnknownNameError: no such executor.
    """
    record = record or Record()
    if memory_budget < 1:
        raise SimulationError(f"memory_budget must be at least 1 byte, got {memory_budget}")
    sequence = _check(snn, x, steps, record, state)
    chunk_rule = executors[executor]
    program = snn.program(constant_input=not sequence)
    begin = State() if state is None else state.copy()
    total = begin.elapsed + steps
    sums = OutputSums(snn.readout, (*record.at, total), begin.sums)
    execution = Execution(program, x, begin)
    batch = x.shape[1] if sequence else x.shape[0]
    chunk = min(steps, chunk_rule(program.step_elements * batch * x.element_size(), memory_budget))
    outputs: list[list[Tensor]] = []
    counts: dict[str, Tensor] = {}
    for start in range(0, steps, chunk):
        n = min(chunk, steps - start)
        part, spikes = execution.advance(x[start : start + n] if sequence else x, n)
        for index in range(n):
            sums.add([y[index] for y in part])
        if record.outputs:
            outputs.append([y.contiguous() for y in part])
        _keep(counts, spikes, start, steps)
    structure = _structure(program)
    return Run(
        steps=total,
        output=structure(sums.answer(total)),
        answers={at: structure(sums.answer(at)) for at in sorted({*record.at, total})},
        outputs=structure([torch.cat(parts) for parts in zip(*outputs, strict=True)]) if record.outputs else None,
        spikes=counts,
        state=State(execution.elapsed, execution.memory, sums.kept),
    )


def _keep(counts: dict[str, Tensor], part: dict[str, Tensor], start: int, steps: int) -> None:
    """Write the counts of a chunk to memory taken once: many small tensors kept would break up the heap."""
    for site, spikes in part.items():
        if site not in counts:
            counts[site] = spikes.new_empty((steps, *spikes.shape[1:]))
        counts[site][start : start + len(spikes)] = spikes


def _structure(program: Program) -> Callable[[list[Tensor]], Any]:
    """Puts a flat list of outputs into the structure of the model's output."""
    leaves, spec = pytree.tree_flatten(program.output.args[0])

    def build(flat: list[Tensor]) -> Any:
        tensors = iter(flat)
        return pytree.tree_unflatten([next(tensors) if isinstance(leaf, fx.Node) else leaf for leaf in leaves], spec)

    return build


def _check(snn: SNN, x: Tensor, steps: int, record: Record, state: State | None) -> bool:
    """Whether the input is a sequence; everything that does not fit raises."""
    if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
        raise SimulationError(f"steps must be a whole number of at least 1, got {steps!r}")
    shape = snn.graph.input_shape
    sequence = x.dim() == len(shape) + 2
    samples = tuple(x.shape[2:] if sequence else x.shape[1:])
    if samples != shape:
        raise SimulationError(
            f"the input has shape {list(x.shape)}, the network takes images [B, {', '.join(map(str, shape))}] "
            f"or sequences [T, B, {', '.join(map(str, shape))}]"
        )
    if sequence and len(x) < steps:
        raise SimulationError(f"the sequence has {len(x)} steps, {steps} were asked for")
    _check_tensor(snn, x)
    elapsed = 0 if state is None else state.elapsed
    wrong = [at for at in record.at if not elapsed < at <= elapsed + steps]
    if wrong:
        raise SimulationError(f"answers asked for at steps {wrong}, the run covers {elapsed + 1} to {elapsed + steps}")
    return sequence


def _check_tensor(snn: SNN, x: Tensor) -> None:
    reference = snn.reference_tensor
    if reference.device != x.device:
        raise SimulationError(f"the input is on {x.device}, the network on {reference.device}; move one with .to()")
    if reference.dtype != x.dtype:
        raise SimulationError(f"the input is {x.dtype}, the network {reference.dtype}; convert one with .to()")
    if x.numel() == 0:
        raise SimulationError(f"the input is empty: shape {list(x.shape)}")
    if not x.isfinite().all():
        raise SimulationError("the input contains NaN or infinity")
