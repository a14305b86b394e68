"""Simulation: one network, several executors, the same spikes."""

from isospike.simulate.execution import State
from isospike.simulate.executors import Kind, executors, executors_of
from isospike.simulate.exits import ExitRule
from isospike.simulate.readout import ReadOut
from isospike.simulate.run import Record, Run
from isospike.simulate.simulate import DEFAULT_MEMORY_BUDGET, simulate

__all__ = [
    "DEFAULT_MEMORY_BUDGET",
    "ExitRule",
    "Kind",
    "ReadOut",
    "Record",
    "Run",
    "State",
    "executors",
    "executors_of",
    "simulate",
]
