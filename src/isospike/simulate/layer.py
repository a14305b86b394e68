"""The `layer` executor: layer by layer over as many steps as the memory budget allows."""

from __future__ import annotations


def steps_at_once(bytes_per_step: int, budget: int) -> int:
    """Steps whose live values fit the budget, at least one."""
    return max(1, budget // bytes_per_step)
