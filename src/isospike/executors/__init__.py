"""Executors: one network, several ways to run it, the same spikes."""

from isospike.executors.executor import AnyExecution as AnyExecution
from isospike.executors.executor import Chunk as Chunk
from isospike.executors.executor import Executor as Executor
from isospike.executors.executor import Portion as Portion
from isospike.executors.executor import executors as executors
from isospike.executors.executor import executors_of as executors_of
from isospike.executors.exits import ExitRule as ExitRule
from isospike.executors.run import Record as Record
from isospike.executors.run import Run as Run
from isospike.executors.run import State as State

# the first of a kind is its default
from isospike.executors.layer import LayerExecutor as LayerExecutor  # isort: skip
from isospike.executors.step import Step as Step  # isort: skip
from isospike.executors.collapsed import Collapsed as Collapsed  # isort: skip
from isospike.executors.stepped import Stepped as Stepped  # isort: skip
from isospike.executors.compiled import DEFAULT_MEMORY_BUDGET as DEFAULT_MEMORY_BUDGET
from isospike.executors.compiled import Compiled as Compiled
from isospike.executors.compiled import compile as compile
from isospike.executors.simulation import simulate as simulate
