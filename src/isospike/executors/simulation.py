"""One run of a spiking network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from isospike.data.reading import Layout
from isospike.executors.compiled import DEFAULT_MEMORY_BUDGET
from isospike.executors.exits import ExitRule
from isospike.executors.run import Record, Run, State
from isospike.executors.runner import Runner
from isospike.executors.sequences import time_first
from isospike.inputs import Inputs, as_inputs
from isospike.network import SNN
from isospike.verbs import verbs


def simulate(
    snn: SNN,
    x: Inputs | Mapping[str, Tensor],
    *,
    steps: int | None = None,
    record: Record | None = None,
    executor: str | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    state: State | None = None,
    exit: ExitRule | None = None,
    layout: Layout | None = None,
) -> Run:
    """Run a spiking network.

    Args:
        snn: the network; it is not changed and holds no state.
        x: an input batch ``[B, ...]``, or for a streaming network a sequence ``[T, B, ...]`` with ``T >= steps``. A
            streaming network is fed an image as the same current at every step (direct coding), an
            accumulate-then-emit network once. Several inputs (tokens and their mask) are a mapping of names to
            batches; they are the same at every step.
        steps: number of time steps of a streaming network; an accumulate-then-emit network has its own.
        record: what to keep; by default the outputs of every step, and with an exit rule the spikes.
        executor: for a streaming network ``layer`` (layer by layer, in chunks of time; default) or ``step`` (one step
            at a time); for an accumulate-then-emit network ``collapsed`` (one pass; default) or ``stepped`` (every
            step of every layer). Those of one kind give the same spikes: integer-equal in float64 where the native
            kernels compute the layers, elsewhere and in float32 up to rounding where a neuron is exactly at its
            threshold.
        memory_budget: bytes for the values alive in one chunk of time or of samples.
        state: where an earlier run of a streaming network stands, to go on from there; it is not changed.
        exit: lets every sample of a streaming network leave at its own step, see `isospike.exits`. The network then
            runs one step at a time, for the samples that are left, until none is.
        layout: where the time of a sequence is: ``batch-first`` for ``[B, T, ...]``. Without it time is first, and a
            sequence that has as many samples as steps were asked for, but more steps, is refused.

    Raises:
        SimulationError: steps, input, device, state, executor or exit rule do not fit the network.
        UnknownNameError: no such executor.
    """
    runner = Runner(snn, executor)
    x = time_first(as_inputs(x), snn.graph.input_shape, steps=steps, layout=layout)
    return runner.run(x, steps, record=record, memory_budget=memory_budget, state=state, exit=exit)


def answer(snn: SNN, x: Inputs, *, steps: int | None = None) -> Any:
    """The answer after ``steps`` steps, structured like the model's output."""
    return simulate(snn, x, steps=steps, record=Record(outputs=False, spikes=False)).output


verbs.register("answer", answer)
