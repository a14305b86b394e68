"""Networks made ready to run, for loops that run one many times."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from isospike.errors import SimulationError
from isospike.executors.drive import drive
from isospike.executors.executor import Executor, executors, executors_of, fitting_executor
from isospike.executors.exits import ExitRule
from isospike.executors.leaving import check_exit, check_job
from isospike.executors.precision import whole_operands
from isospike.executors.run import Job, Record, Run, State
from isospike.messages import with_article
from isospike.network import SNN
from isospike.precision import own_precision
from isospike.whole import is_whole

DEFAULT_MEMORY_BUDGET = 64 * 2**20
"""Bytes for the values of one chunk; larger chunks leave the processor's caches and gain nothing."""


class Compiled:
    """A network and what an executor has made of it; what it made is kept for the next run.

    Args:
        network: the network.
        executor: name of the executor; the default of the network's kind unless given.

    Raises:
        SimulationError: no network, or the executor runs others.
        UnknownNameError: no such executor.
    """

    def __init__(self, network: SNN, executor: str | None = None) -> None:
        if not isinstance(network, SNN):
            raise SimulationError(
                f"the network is {with_article(network)}; simulate takes what isospike.convert or load gives"
            )
        self.network, self.executor = network, executor
        if executor is not None and executors[executor].kind is not network.kind:
            raise SimulationError(
                f"executor '{executor}' runs {executors[executor].kind} networks, this one is {network.kind}; use "
                f"{' or '.join(executors_of(network.kind))}"
            )
        self._programs: dict[tuple[str, int | None, bool], tuple[SNN, Any]] = {}
        self._made_from = _parts(network)

    def __call__(self, x: Tensor, *, steps: int | None = None) -> Any:
        """The answer after ``steps`` steps, structured like the model's output."""
        return self.run(x, steps=steps, record=Record(outputs=False, spikes=False)).output

    @torch.no_grad()
    @own_precision()
    def run(
        self,
        x: Tensor,
        *,
        steps: int | None = None,
        record: Record | None = None,
        memory_budget: int = DEFAULT_MEMORY_BUDGET,
        state: State | None = None,
        exit: ExitRule | None = None,
    ) -> Run:
        """One run; see `isospike.simulate`.

        Raises:
            SimulationError: the network was changed meanwhile; or see `isospike.simulate`.
        """
        if not _same(self._made_from, _parts(self.network)):
            raise SimulationError("the network was changed after it was compiled; compile it again")
        _check_types(x, steps, record, state)
        if not isinstance(memory_budget, int) or memory_budget < 1:
            raise SimulationError(f"memory_budget must be a whole number of bytes, at least 1, got {memory_budget!r}")
        record = record or Record(outputs=exit is None)
        job = Job(x, None if steps is None else int(steps), record, memory_budget, state)
        return self._run(job, exit)

    def _run(self, job: Job, exit: ExitRule | None) -> Run:
        name = self.executor or fitting_executor(self.network, job.record)
        executor: Executor[Any, Any] = executors[name]
        rule = None if exit is None else check_exit(self.network, exit)
        if rule is not None:
            check_job(job, rule)
            if not executor.every_step:
                raise SimulationError(
                    f"exit rule '{rule.name()}' needs an answer at every step, executor '{name}' gives none; leave one "
                    "of the two out"
                )
        network = self.network.for_steps(None if job.state is not None else job.steps)
        settled = executor.check(network, job)
        key = (name, job.steps if network is not self.network else None, not settled.sequence)
        if key not in self._programs:
            self._programs[key] = network, executor.compile(network, constant_input=not settled.sequence)
        with whole_operands():
            return drive(executor, *self._programs[key], settled, rule)


def compile(network: SNN, executor: str | None = None) -> Compiled:
    """A network made ready for an executor, to be run many times.

    `isospike.simulate` and a call of the network compile anew each time, so that they always run what would be saved.
    What this gives refuses to run once the network was changed.

    Args:
        network: the network.
        executor: see `isospike.simulate`.

    Raises:
        SimulationError: no network, or the executor runs others.
        UnknownNameError: no such executor.
    """
    return Compiled(network, executor)


def _parts(network: SNN) -> list[Any]:
    """All that a network consists of: its nodes, its modules, its tensors and how often each was written to."""
    nodes = [part for node in network.graph.graph.nodes for part in (node, node.target, node.args, node.kwargs)]
    found: list[Any] = [*nodes, network.times]
    for module in network.modules():
        found.append(module)
        for tensor in (*module._parameters.values(), *module._buffers.values()):
            if tensor is not None:
                found += (tensor, tensor.data_ptr(), tensor.dtype, 0 if tensor.is_inference() else tensor._version)
    return found


def _same(before: list[Any], now: list[Any]) -> bool:
    """Whether all parts are the same objects, or equal where they are plain values."""
    return len(before) == len(now) and all(
        a is b or (not isinstance(a, Tensor | torch.nn.Module) and a == b) for a, b in zip(before, now, strict=True)
    )


def _check_types(x: object, steps: object, record: object, state: object) -> None:
    if not isinstance(x, Tensor):
        raise SimulationError(f"the input is {with_article(x)}; give a tensor [B, ...], or [T, B, ...] for a sequence")
    if steps is not None and not is_whole(steps):
        raise SimulationError(f"steps must be a whole number of at least 1, got {steps!r}")
    if not isinstance(record, Record | None):
        raise SimulationError(f"record is {with_article(record)}; give an isospike.Record")
    if not isinstance(state, State | None):
        raise SimulationError(f"the state is {with_article(state)}; give the state of an earlier isospike.Run")
