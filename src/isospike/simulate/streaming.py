"""A run of a streaming network: any number of steps, an answer at any step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from isospike.capture.structure import output_structure
from isospike.errors import SimulationError
from isospike.simulate.execution import Execution, State
from isospike.simulate.readout import OutputSums
from isospike.simulate.run import MOST_STEPS, Job, Record, Run, by_sample, check_tensor
from isospike.simulate.state_check import check_state

if TYPE_CHECKING:
    from isospike.network import SNN


def run_streaming(snn: SNN, job: Job, *, chunk_rule: Callable[[int, int], int]) -> Run:
    """Run chunks of time.

    Args:
        snn: a network of `Temporal` neurons.
        job: what to run.
        chunk_rule: how many steps to run at once, from the bytes of one step and the budget.

    Raises:
        SimulationError: steps, input or device do not fit the network.
    """
    x, record, state = job.x, job.record, job.state
    steps = check_steps(job.steps)
    sequence = check_job(snn, x, steps, record, state)
    program = snn.program(constant_input=not sequence)
    if program.whole_train is not None:
        chunk_rule = _whole(chunk_rule, program.whole_train, steps, state)
    if state is not None:
        check_state(state, program, x[0] if sequence else x)
    begin = State() if state is None else state.copy()
    total = begin.elapsed + steps
    sums = OutputSums(snn.readout, (*record.at, total), begin.sums)
    execution = Execution(program, x, begin, record.watch)
    batch = x.shape[1] if sequence else x.shape[0]
    chunk = min(steps, chunk_rule(program.step_elements * batch * x.element_size(), job.memory_budget))
    outputs: list[list[Tensor]] = []
    spikes, packets = dict[str, Tensor](), dict[str, Tensor]()
    for start in range(0, steps, chunk):
        n = min(chunk, steps - start)
        part, counts = execution.advance(x[start : start + n] if sequence else x, n)
        for index in range(n):
            sums.add([y[index] for y in part])
        if record.outputs:
            outputs.append([y.contiguous() for y in part])
        if record.spikes:
            _keep(spikes, {site: events.spikes for site, events in counts.items()}, start, steps)
            _keep(packets, {site: events.packets for site, events in counts.items()}, start, steps)
    structure = output_structure(snn.graph.output_node)
    return Run(
        steps=total,
        output=structure(sums.answer(total)),
        answers={at: structure(sums.answer(at)) for at in sorted({*record.at, total})},
        outputs=structure([torch.cat(parts) for parts in zip(*outputs, strict=True)]) if record.outputs else None,
        spikes=by_sample(spikes, batch),
        packets=by_sample(packets, batch),
        state=State(execution.elapsed, execution.memory, sums.kept),
    )


def _whole(
    chunk_rule: Callable[[int, int], int], site: str, steps: int, state: State | None
) -> Callable[[int, int], int]:
    """All steps at once, as a neuron layer needs them; refused where the executor or a carried state forbids it."""
    unlimited = 2 * steps
    if state is not None or chunk_rule(1, unlimited) < steps:
        raise SimulationError(
            f"the neurons of '{site}' need their whole train at once: run the network in one piece, with the executor "
            "'layer'"
        )
    return lambda bytes_per_step, budget: steps


def _keep(counts: dict[str, Tensor], part: dict[str, Tensor], start: int, steps: int) -> None:
    """Write the counts of a chunk to memory taken once: many small tensors kept would break up the heap."""
    for site, events in part.items():
        if site not in counts:
            counts[site] = events.new_empty((steps, *events.shape[1:]))
        counts[site][start : start + len(events)] = events


def check_job(snn: SNN, x: Tensor, steps: int, record: Record, state: State | None) -> bool:
    """Whether the input is a sequence.

    Raises:
        SimulationError: input, record or device do not fit the network.
    """
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
    check_tensor(snn, x)
    if record.codes:
        raise SimulationError("a streaming network has no codes to record; leave codes out")
    elapsed = 0 if state is None else state.elapsed
    if snn.horizon is not None and elapsed + steps > snn.horizon:
        raise SimulationError(
            f"the network was calibrated for {snn.horizon} steps, {elapsed + steps} were asked for; run fewer, or "
            "convert it for more"
        )
    probe = snn.readout.probe
    if elapsed + steps <= probe:
        raise SimulationError(
            f"the first {probe} steps are for probing and give no answer; {elapsed + steps} were asked for: run at "
            f"least {probe + 1}"
        )
    first = max(elapsed, probe) + 1
    wrong = [at for at in record.at if not first <= at <= elapsed + steps]
    if wrong:
        raise SimulationError(
            f"answers asked for at steps {wrong}, the run gives those at {first} to {elapsed + steps}"
        )
    return sequence


def check_steps(steps: int | None) -> int:
    """The number of steps.

    Raises:
        SimulationError: there is none, or one that no network has.
    """
    if steps is None:
        raise SimulationError("a streaming network runs for any number of steps; say how many (steps)")
    if not 1 <= steps <= MOST_STEPS:
        raise SimulationError(f"steps must be a whole number from 1 to {MOST_STEPS}, got {steps}")
    return steps
