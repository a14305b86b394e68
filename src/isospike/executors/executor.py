"""The executors by name, and the kind of network that each runs."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

from isospike.registry import Registry
from isospike.simulate import layer, step
from isospike.simulate.collapsed import Collapsed
from isospike.simulate.emitting import run_emitting
from isospike.simulate.run import Job, Run
from isospike.simulate.stepped import Stepped
from isospike.simulate.streaming import run_streaming

if TYPE_CHECKING:
    from isospike.network import SNN


class Kind(enum.StrEnum):
    """What the neurons of a network make of time."""

    STREAMING = "streaming"
    """Spikes come while the input still does: any number of steps, an answer at any step."""
    EMITTING = "accumulate-then-emit"
    """A layer emits when its whole input has arrived: a number of steps of its own, an answer at the end."""


class RunNetwork(Protocol):
    """Runs a network."""

    def __call__(self, snn: SNN, job: Job) -> Run:
        """One run."""


@dataclass(frozen=True)
class Executor:
    """A way to run networks of one kind."""

    kind: Kind
    run: RunNetwork


executors: Registry[Executor] = Registry("executor")
"""Executors by name; the first one of a kind is its default."""
executors.register("layer", Executor(Kind.STREAMING, partial(run_streaming, chunk_rule=layer.steps_at_once)))
executors.register("step", Executor(Kind.STREAMING, partial(run_streaming, chunk_rule=step.steps_at_once)))
executors.register("collapsed", Executor(Kind.EMITTING, partial(run_emitting, walk=Collapsed)))
executors.register("stepped", Executor(Kind.EMITTING, partial(run_emitting, walk=Stepped)))


def executors_of(kind: Kind) -> list[str]:
    """Names of the executors that run networks of a kind, the default first."""
    return [name for name, executor in executors.items() if executor.kind is kind]
