"""The `layer` executor: layer by layer over as many steps as the memory budget allows."""

from __future__ import annotations

from isospike.executors.executor import executors
from isospike.executors.streaming import StreamingExecutor

LIVE_SHARE = 0.5
"""Part of the budget for live values. The C allocator keeps freed blocks, and kernels need scratch memory: resident
memory was measured at up to twice the live values."""


class LayerExecutor(StreamingExecutor):
    """All steps of a chunk go through one layer before they go through the next."""

    def steps_at_once(self, bytes_per_step: int, budget: int) -> int:
        """Steps whose live values fit their share of the budget, at least one."""
        return max(1, int(LIVE_SHARE * budget) // bytes_per_step)


executors.register("layer", LayerExecutor())
