"""The seam of the executors: what compiles a network of one kind and yields its steps, chunk by chunk.

An executor is orchestration alone. Its kernels are operators of torch; what reads the chunks (answers, exits, counts,
records) is called in `isospike.executors.drive` and serves all executors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from torch import Tensor

from isospike.executors.run import Record, RunJob, State
from isospike.inputs import Inputs
from isospike.network import SNN
from isospike.neurons import EventCounts, Kind
from isospike.registry import Registry


@dataclass(frozen=True)
class Chunk:
    """What some samples gave in their next steps."""

    outputs: list[Tensor]
    """Flat outputs of every step ``[t, B, ...]``; of a network that answers at the end alone totals ``[1, B, ...]``."""
    events: dict[str, EventCounts] = field(default_factory=dict)
    """Per site, how many: int64 ``[t, B]``."""
    codes: dict[str, Tensor] = field(default_factory=dict)
    """Per site, the whole numbers that were emitted, where the record asks for them: int64 ``[B, ...]``."""
    inhibitory: dict[str, Tensor] | None = None
    """Per site of inhibiting neurons, internal inhibitory events: int64 ``[B]``; ``None`` if unknown."""


@dataclass(frozen=True)
class Portion:
    """How much is run at once."""

    samples: int
    steps: int


class AnyExecution(Protocol):
    """One run of some samples under way."""

    def advance(self, x: Inputs, steps: int) -> Chunk:
        """The next steps.

        Args:
            x: the sequence ``[steps, B, ...]`` where the input changes; ignored where it does not.
            steps: how many.
        """

    def keep(self, rows: Tensor) -> None:
        """Go on with these samples ``[R]`` of the batch."""

    @property
    def memory(self) -> dict[str, Any]:
        """What a later part of the run needs, by name."""


class Answers(Protocol):
    """Makes answers of the outputs so far."""

    def add(self, outputs: list[Tensor]) -> None:
        """The outputs ``[t, B, ...]`` of the next steps."""

    def answer(self, steps: int) -> list[Tensor]:
        """The answer ``[B, ...]`` after some of the steps."""

    def keep(self, rows: Tensor) -> None:
        """Go on with these samples ``[R]`` of the batch."""


N = TypeVar("N", bound=SNN)
P = TypeVar("P")


class Executor(ABC, Generic[N, P]):
    """A way to run networks of one kind ``N``, compiled to programs ``P``; it has no state, one instance serves all."""

    kind: ClassVar[Kind]
    """Which networks it runs."""
    shows_trains: ClassVar[bool] = True
    """Whether a record can watch its trains."""
    every_step: ClassVar[bool] = True
    """Whether there are outputs, and an answer, at every step: what an exit rule needs."""

    @abstractmethod
    def check(self, network: N, job: RunJob) -> RunJob:
        """The job with what was left open settled.

        Raises:
            SimulationError: the network cannot do it.
        """

    @abstractmethod
    def compile(self, network: N, *, constant_input: bool) -> P:
        """The program of a network for an input that changes over time or does not."""

    @abstractmethod
    def portion(self, network: N, program: P, job: RunJob) -> Portion:
        """How many samples and steps fit the memory budget of a job.

        Raises:
            SimulationError: the network cannot be run in such portions.
        """

    @abstractmethod
    def begin(self, program: P, x: Inputs, job: RunJob) -> AnyExecution:
        """A run of samples ``x``, images ``[B, ...]`` or a sequence ``[T, B, ...]``."""

    @abstractmethod
    def answers(self, network: N, job: RunJob) -> Answers:
        """What makes answers of the outputs."""

    def state(self, job: RunJob, execution: AnyExecution, answers: Answers) -> State | None:
        """Where a run stands, to go on from there; ``None`` where it cannot be continued."""
        return None


executors: Registry[Executor[Any, Any]] = Registry("executor")
"""Executors by name; the first one of a kind is its default."""


def executors_of(kind: Kind) -> list[str]:
    """Names of the executors that run networks of a kind, the default first."""
    return [name for name, executor in executors.items() if executor.kind is kind]


def fitting_executor(network: SNN, record: Record) -> str:
    """Name of the executor that is taken where none is named: the first of the kind that gives what is recorded."""
    names = executors_of(network.kind)
    return next((name for name in names if record.watch is None or executors[name].shows_trains), names[0])
