"""The `step` executor: one time step at a time through the whole network, O(1) memory in T."""

from __future__ import annotations


def steps_at_once(bytes_per_step: int, budget: int) -> int:
    """Always one step: for streaming input and anytime answers."""
    return 1
