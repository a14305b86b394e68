"""The numbers of steps that a network is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from isospike.errors import SimulationError
from isospike.network.network import SNN
from isospike.options import Some, Steps, check_arguments


def asked_steps(snn: SNN, steps: int | Iterable[int] | None) -> tuple[int, ...]:
    """Numbers of steps in rising order; those of the network itself for ``None``.

    Raises:
        SimulationError: there is none, or one that no network has.
    """
    if steps is None and not snn.times.own:
        raise SimulationError("a streaming network answers at any number of steps; say at which with steps=[...]")
    wanted = snn.times.own if steps is None else steps
    asked = list(wanted) if isinstance(wanted, Iterable) else [wanted]
    check_arguments(Annotated[tuple[Steps, ...], Some()], SimulationError, steps=asked)
    return tuple(sorted({int(t) for t in asked}))
