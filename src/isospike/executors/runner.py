"""A network with an executor: compiled when a run first needs it, for the kind of input that comes."""

from __future__ import annotations

from typing import Any

import torch

from isospike.errors import SimulationError
from isospike.executors.drive import drive
from isospike.executors.executor import Executor, executors, executors_of, fitting_executor
from isospike.executors.exits import ExitRule
from isospike.executors.leaving import check_exit, check_job
from isospike.executors.precision import whole_operands
from isospike.executors.run import Record, Run, RunJob, State
from isospike.inputs import Inputs, as_inputs
from isospike.messages import with_article
from isospike.network import SNN
from isospike.options import Count, check_arguments
from isospike.precision import own_precision


class Runner:
    """Runs a network as it is at the first run.

    Args:
        network: the network.
        executor: name of the executor; ``None``: the first of the network's kind that gives what is recorded.

    Raises:
        SimulationError: no network, or the executor runs others.
        UnknownNameError: no such executor.
    """

    def __init__(self, network: SNN, executor: str | None) -> None:
        if not isinstance(network, SNN):
            raise SimulationError(
                f"the network is {with_article(network)}; simulate takes what isospike.convert or load gives"
            )
        if executor is not None and executors[executor].kind is not network.kind:
            raise SimulationError(
                f"executor '{executor}' runs {executors[executor].kind} networks, this one is {network.kind}; use "
                f"{' or '.join(executors_of(network.kind))}"
            )
        self.network, self.executor = network, executor
        self._networks: dict[int | None, SNN] = {}
        self._programs: dict[tuple[str, SNN, bool], Any] = {}

    @torch.no_grad()
    @own_precision()
    def run(
        self,
        x: Inputs,
        steps: int | None,
        *,
        record: Record | None,
        memory_budget: int,
        state: State | None,
        exit: ExitRule | None,
    ) -> Run:
        """One run; see `isospike.simulate`."""
        x = as_inputs(x)
        _check_types(x, steps, record, state)
        check_arguments(Count, SimulationError, memory_budget=memory_budget)
        asked = record or Record(outputs=exit is None)
        job = RunJob(x, None if steps is None else int(steps), asked, memory_budget, state)
        name = self.executor or fitting_executor(self.network, asked)
        rule = None if exit is None else self._rule(exit, name, job)
        network = self._network(None if state is not None else job.steps)
        executor: Executor[Any, Any] = executors[name]
        settled = executor.check(network, job)
        key = (name, network, not settled.sequence)
        if key not in self._programs:
            self._programs[key] = executor.compile(network, constant_input=not settled.sequence)
        with whole_operands():
            return drive(executor, network, self._programs[key], job=settled, rule=rule)

    def _network(self, steps: int | None) -> SNN:
        """The network for a number of steps; of a calibrated one a view that is made once."""
        if steps not in self._networks:
            self._networks[steps] = self.network.for_steps(steps)
        return self._networks[steps]

    def _rule(self, exit: ExitRule, executor: str, job: RunJob) -> ExitRule:
        """The exit rule, which must fit network, executor and job."""
        rule = check_exit(self.network, exit)
        check_job(job, rule)
        if not executors[executor].every_step:
            raise SimulationError(
                f"exit rule '{rule.name()}' needs an answer at every step, executor '{executor}' gives none; leave one "
                "of the two out"
            )
        return rule


def _check_types(x: object, steps: object, record: object, state: object) -> None:
    if not isinstance(x, Inputs):
        raise SimulationError(f"the input is {with_article(x)}; give a tensor [B, ...], or [T, B, ...] for a sequence")
    check_arguments(int | None, SimulationError, steps=steps)
    if not isinstance(record, Record | None):
        raise SimulationError(f"record is {with_article(record)}; give an isospike.Record")
    if not isinstance(state, State | None):
        raise SimulationError(f"the state is {with_article(state)}; give the state of an earlier isospike.Run")
