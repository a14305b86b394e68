"""Simulation: one network, several executors, the same spikes."""

from isospike.simulate.execution import State
from isospike.simulate.readout import ReadOut
from isospike.simulate.simulate import DEFAULT_MEMORY_BUDGET, Record, Run, executors, simulate

__all__ = ["DEFAULT_MEMORY_BUDGET", "ReadOut", "Record", "Run", "State", "executors", "simulate"]
