"""What the executors of accumulate-then-emit networks share: one walk for as many samples as fit."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from isospike.errors import SimulationError
from isospike.executors.executor import Chunk, Executor, Portion
from isospike.executors.run import Record, RunJob, check_shape, check_tensor
from isospike.executors.sums import Total
from isospike.executors.walk import Walk
from isospike.inputs import Inputs
from isospike.network import NO_EARLIER_ANSWER, EmittingNetwork
from isospike.neurons import Kind

P = TypeVar("P")


class EmittingExecutor(Executor[EmittingNetwork, P]):
    """Runs networks of `Emitter` neurons in parts of a batch; a subclass says how the network is gone through."""

    kind = Kind.EMITTING
    every_step = False

    @abstractmethod
    def walk(self, program: P, record: Record) -> Walk:
        """What goes through the network once."""

    @abstractmethod
    def elements(self, program: P) -> int:
        """Largest number of elements, per sample, that are alive at once."""

    def check(self, network: EmittingNetwork, job: RunJob) -> RunJob:
        """Steps, input and record must fit the network; see `Executor.check`."""
        own = network.settled_steps(job.steps)
        if any(at != own for at in job.record.at):
            raise SimulationError(
                f"answers asked for at steps {list(job.record.at)}, there is one, at {own}; {NO_EARLIER_ANSWER}"
            )
        if job.state is not None:
            raise SimulationError("this network's runs cannot be continued: it answers each image in one run")
        if job.record.watch is not None and not self.shows_trains:
            raise SimulationError("a collapsed run has no trains to watch; use the executor 'stepped', or record codes")
        _check_input(network, job.x)
        return replace(job, steps=own)

    def portion(self, network: EmittingNetwork, program: P, job: RunJob) -> Portion:
        """As many samples as fit, all steps of the longest train."""
        size = self.elements(program) * job.x.element_size()
        return Portion(max(1, job.memory_budget // size), network.steps)

    def begin(self, program: P, x: Inputs, job: RunJob) -> OneWalk:
        """From the image."""
        return OneWalk(self.walk(program, job.record), x)

    def answers(self, network: EmittingNetwork, job: RunJob) -> Total:
        """The totals at the end."""
        return Total()


class OneWalk:
    """A run whose only chunk has all steps."""

    def __init__(self, walk: Walk, x: Inputs) -> None:
        self.walk, self.x = walk, x

    def advance(self, x: Inputs, steps: int) -> Chunk:
        """All steps."""
        return self.walk.run(self.x)

    @property
    def memory(self) -> dict[str, Any]:
        """Nothing: a run has no second part."""
        return {}

    def keep(self, rows: Tensor) -> None:
        """Never asked: there is no step before the last."""
        raise AssertionError("a run of one chunk ends with it")


def _check_input(network: EmittingNetwork, x: Inputs) -> None:
    shape = network.graph.input_shape
    sequence = isinstance(x, Tensor) and x.dim() == len(shape) + 2
    check_shape(network, x, "; it takes each once: give the mean of a sequence over time" if sequence else "")
    check_tensor(network, x)
    dtype = network.reference_tensor.dtype
    largest = 2 / torch.finfo(dtype).eps
    wide = [site for site in network.sites if network.neuron(site).levels > largest]
    if wide:
        raise SimulationError(
            f"site '{wide[0]}' has more levels than {dtype} has whole numbers; use a wider type with .to()"
        )
