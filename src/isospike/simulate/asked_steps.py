"""The numbers of steps that a network is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

from isospike.errors import SimulationError
from isospike.options import Some, check_arguments
from isospike.simulate.run import Steps

if TYPE_CHECKING:
    from isospike.network import SNN


def asked_steps(snn: SNN, steps: int | Iterable[int] | None) -> tuple[int, ...]:
    """Numbers of steps in rising order; those of the network itself for ``None``.

    Raises:
        SimulationError: there is none, or one that no network has.
    """
    if steps is None and snn.calibrated:
        return snn.calibrated
    if steps is None and snn.steps is None:
        raise SimulationError("a streaming network answers at any number of steps; say at which with steps=[...]")
    wanted = snn.steps if steps is None else steps
    asked = list(wanted) if isinstance(wanted, Iterable) else [wanted]
    check_arguments(Annotated[tuple[Steps, ...], Some()], SimulationError, steps=asked)
    return tuple(sorted({int(t) for t in asked if t is not None}))


def runs_for(snn: SNN, at: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Steps that one run answers: all, or each by itself where the network was calibrated for each."""
    return [(t,) for t in at] if snn.calibrated else [at]
