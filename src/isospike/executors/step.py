"""The `step` executor: one time step at a time through the whole network, O(1) memory in T."""

from __future__ import annotations

from isospike.executors.executor import executors
from isospike.executors.streaming import StreamingExecutor


class Step(StreamingExecutor):
    """For streaming input and anytime answers."""

    whole_trains = False

    def steps_at_once(self, bytes_per_step: int, budget: int) -> int:
        """Always one."""
        return 1


executors.register("step", Step())
