"""One run of a spiking network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from isospike.errors import SimulationError
from isospike.simulate.execution import State
from isospike.simulate.executors import executors, executors_of
from isospike.simulate.run import Job, Record, Run

if TYPE_CHECKING:
    from isospike.network import SNN

DEFAULT_MEMORY_BUDGET = 64 * 2**20
"""Bytes for the values of one chunk; larger chunks leave the processor's caches and gain nothing."""


@torch.no_grad()
def simulate(
    snn: SNN,
    x: Tensor,
    *,
    steps: int | None = None,
    record: Record | None = None,
    executor: str | None = None,
    memory_budget: int = DEFAULT_MEMORY_BUDGET,
    state: State | None = None,
) -> Run:
    """Run a spiking network.

    Args:
        snn: the network; it is not changed and holds no state.
        x: an image batch ``[B, ...]``, or for a streaming network a sequence ``[T, B, ...]`` with ``T >= steps``. A
            streaming network is fed an image as the same current at every step (direct coding), an
            accumulate-then-emit network once.
        steps: number of time steps of a streaming network; an accumulate-then-emit network has its own.
        record: what to keep; by default the outputs of every step.
        executor: for a streaming network ``layer`` (layer by layer, in chunks of time; default) or ``step`` (one step
            at a time); for an accumulate-then-emit network ``collapsed`` (one pass; default) or ``stepped`` (every
            step of every layer). Those of one kind give the same spikes: integer-equal in float64 where the native
            kernels compute the layers, elsewhere and in float32 up to rounding where a neuron is exactly at its
            threshold.
        memory_budget: bytes for the values alive in one chunk of time or of samples.
        state: where an earlier run of a streaming network stands, to go on from there; it is not changed.

    Raises:
        SimulationError: steps, input, device or executor do not fit the network.
        UnknownNameError: no such executor.
    """
    if memory_budget < 1:
        raise SimulationError(f"memory_budget must be at least 1 byte, got {memory_budget}")
    names = executors_of(snn.kind)
    chosen = executors[executor or names[0]]
    if chosen.kind is not snn.kind:
        raise SimulationError(f"executor '{executor}' runs {chosen.kind} networks, this one is {snn.kind}; use {names}")
    return chosen.run(snn, Job(x, steps, record or Record(), memory_budget, state))
