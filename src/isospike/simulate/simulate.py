"""One run of a spiking network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from isospike.errors import SimulationError
from isospike.messages import with_article
from isospike.options import Count, check_arguments
from isospike.precision import own_precision
from isospike.simulate.early_exit import run_with_exit
from isospike.simulate.execution import State
from isospike.simulate.executors import executors, executors_of
from isospike.simulate.exits import ExitRule
from isospike.simulate.precision import whole_operands
from isospike.simulate.run import Job, Record, Run, Steps

if TYPE_CHECKING:
    from isospike.network import SNN

DEFAULT_MEMORY_BUDGET = 64 * 2**20
"""Bytes for the values of one chunk; larger chunks leave the processor's caches and gain nothing."""


@torch.no_grad()
@own_precision()
def simulate(
    snn: SNN,
    x: Tensor,
    *,
    steps: int | None = None,
    record: Record | None = None,
    executor: str | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    state: State | None = None,
    exit: ExitRule | None = None,
) -> Run:
    """Run a spiking network.

    Args:
        snn: the network; it is not changed and holds no state.
        x: an image batch ``[B, ...]``, or for a streaming network a sequence ``[T, B, ...]`` with ``T >= steps``. A
            streaming network is fed an image as the same current at every step (direct coding), an
            accumulate-then-emit network once.
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

    Raises:
        SimulationError: steps, input, device, state, executor or exit rule do not fit the network.
        UnknownNameError: no such executor.
    """
    _check_types(snn, x, steps, record, state)
    check_arguments(Count, SimulationError, memory_budget=memory_budget)
    if snn.calibrated:
        snn = _chosen(snn, steps, state)
    names = executors_of(snn.kind)
    chosen = executors[executor or names[0]]
    if chosen.kind is not snn.kind:
        raise SimulationError(
            f"executor '{executor}' runs {chosen.kind} networks, this one is {snn.kind}; use {' or '.join(names)}"
        )
    job = Job(x, None if steps is None else int(steps), record or Record(outputs=exit is None), memory_budget, state)
    with whole_operands():
        return chosen.run(snn, job) if exit is None else run_with_exit(snn, job, exit)


def _chosen(snn: SNN, steps: int | None, state: State | None) -> SNN:
    """The network for so many steps, where it has a set of tensors for each number that it was calibrated for."""
    if steps is None or state is not None:
        raise SimulationError(
            f"this network was calibrated for {', '.join(map(str, snn.calibrated))} steps; say which with steps=, or "
            "pick one with snn.at(steps) to run it in parts"
        )
    return snn.at(steps)


def _check_types(snn: object, x: object, steps: object, record: object, state: object) -> None:
    from isospike.network import SNN

    if not isinstance(snn, SNN):
        raise SimulationError(f"the network is {with_article(snn)}; simulate takes what isospike.convert or load gives")
    if not isinstance(x, Tensor):
        raise SimulationError(f"the input is {with_article(x)}; give a tensor [B, ...], or [T, B, ...] for a sequence")
    if steps is not None:
        check_arguments(Steps, SimulationError, steps=steps)
    if not isinstance(record, Record | None):
        raise SimulationError(f"record is {with_article(record)}; give an isospike.Record")
    if not isinstance(state, State | None):
        raise SimulationError(f"the state is {with_article(state)}; give the state of an earlier isospike.Run")
