"""Numbers of steps at which a network is measured when nothing else is said."""

from __future__ import annotations

from isospike.network import SNN

STEPS = (1, 2, 4, 8, 16, 32)


def default_steps(snn: SNN) -> tuple[int, ...] | None:
    """Powers of two that a streaming network answers at; ``None`` for one with numbers of steps of its own."""
    if snn.times.own:
        return None
    return tuple(steps for steps in STEPS if steps > snn.probe)
