"""The numbers of steps at which a network answers, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from isospike.network.readout import ReadOut
from isospike.results import Stored


@dataclass(frozen=True)
class Times(Stored):
    """What every kind of network has to say about time; what a kind does not know stays at its default."""

    steps: int | None = None
    """Length of the longest train of a network that has its own number of steps."""
    calibrated: tuple[int, ...] = ()
    """The numbers of steps that a network was calibrated for: it answers at no other."""
    readout: ReadOut = field(default_factory=ReadOut)
    """How the outputs of the steps become one answer."""

    @property
    def own(self) -> tuple[int, ...]:
        """The numbers of steps at which it answers where none is named; empty: it answers at any."""
        return self.calibrated or (() if self.steps is None else (self.steps,))
