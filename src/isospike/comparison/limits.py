"""What a network must hold to be chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from isospike.comparison.cell import Cell
from isospike.comparison.reference_images import ReferenceImages
from isospike.options import Configuration, Count, Range
from isospike.results import Stored
from isospike.tasks import Measure

SURE = 3.0
"""Standard errors: of a thousand networks that would hold, one is given up early by chance."""


@dataclass(frozen=True)
class Limits(Configuration, Stored):
    """Limits on loss, time and energy.

    Raises:
        OptionError: a limit that nothing can be within.
    """

    max_drop: Annotated[float, Range(0)]
    """How much worse than the ANN a figure may be, in its unit: points of a share, dB, ..."""
    max_steps: Count | None
    """Number of steps T."""
    max_energy: Annotated[float, Range(above=0, unit="pJ per image")] | None
    """pJ per image."""

    @classmethod
    def title(cls) -> str:
        """Nothing: the options belong to a function."""
        return ""

    def affordable(self, cell: Cell, energy_model: str) -> bool:
        """Whether steps and energy are within the limits."""
        fast = self.max_steps is None or cell.steps <= self.max_steps
        return fast and (self.max_energy is None or cell.energy_pj[energy_model] <= self.max_energy)

    def holds(self, cell: Cell, reference: ReferenceImages, images: int) -> bool:
        """Whether the figure is at most ``max_drop`` units worse than the ANN's, both on the first images."""
        return reference.measure.within(cell.value, reference.ann(images), self.max_drop)

    def may_hold(self, cell: Cell, reference: ReferenceImages, images: int) -> bool:
        """Whether a network may hold on all images, by what the first of them say: `SURE` standard errors of the loss.

        Those are `Task.spread`: of shares of right answers at most ``sqrt((1 - agreement) / n)``.
        """
        measure, task = reference.measure, reference.judge.task
        spread = measure.factor * task.spread(cell.agreement, cell.interval, images)
        loss = measure.loss(cell.value, reference.ann(images))
        return loss - SURE * spread <= self.max_drop

    def describe(self, measure: Measure) -> str:
        """In words."""
        parts = [f"within {self.max_drop:g} {measure.points} of the ANN"]
        if self.max_steps is not None:
            parts.append(f"at T <= {self.max_steps}")
        if self.max_energy is not None:
            parts.append(f"for at most {self.max_energy:g} pJ")
        return " ".join(parts)
