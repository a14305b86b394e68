"""Executors: one network, several ways to run it, the same spikes."""

from isospike.executors.executor import AnyExecution, Chunk, Executor, Portion, executors, executors_of
from isospike.executors.exits import ExitRule
from isospike.executors.run import Record, Run, State

# the first of a kind is its default
from isospike.executors.layer import LayerExecutor  # isort: skip
from isospike.executors.step import Step  # isort: skip
from isospike.executors.collapsed import Collapsed  # isort: skip
from isospike.executors.stepped import Stepped  # isort: skip
from isospike.executors.compiled import DEFAULT_MEMORY_BUDGET, Compiled, compile
from isospike.executors.simulation import simulate

__all__ = [
    "DEFAULT_MEMORY_BUDGET",
    "AnyExecution",
    "Chunk",
    "Collapsed",
    "Compiled",
    "Executor",
    "ExitRule",
    "LayerExecutor",
    "Portion",
    "Record",
    "Run",
    "State",
    "Step",
    "Stepped",
    "compile",
    "executors",
    "executors_of",
    "simulate",
]
