"""What a network must hold to be chosen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from isospike.compare.cell import Cell
from isospike.compare.reference_images import ReferenceImages
from isospike.errors import OptionError
from isospike.points import images_of
from isospike.whole import is_whole

SURE = 3.0
"""Standard errors: of a thousand networks that would hold, one is given up early by chance."""


@dataclass(frozen=True)
class Limits:
    """Limits on accuracy, time and energy.

    Raises:
        OptionError: a limit that nothing can be within.
    """

    max_drop: float
    """Points of accuracy below the ANN; without labels, percent of images of another class than the ANN's."""
    max_steps: int | None
    """Number of steps T."""
    max_energy: float | None
    """pJ per image."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.max_drop <= 100:
            raise OptionError(f"max_drop must be from 0 to 100 points, got {self.max_drop!r}")
        if self.max_steps is not None and not (is_whole(self.max_steps) and self.max_steps >= 1):
            raise OptionError(f"max_steps must be a whole number of at least 1, got {self.max_steps!r}")
        if self.max_energy is not None and not self.max_energy > 0:
            raise OptionError(f"max_energy must be above 0 pJ per image, got {self.max_energy!r}")

    def affordable(self, cell: Cell, energy_model: str) -> bool:
        """Whether steps and energy are within the limits."""
        fast = self.max_steps is None or cell.steps <= self.max_steps
        return fast and (self.max_energy is None or cell.energy_pj[energy_model] <= self.max_energy)

    def holds(self, cell: Cell, reference: ReferenceImages, images: int) -> bool:
        """``right(ANN) - right(SNN) <= floor(max_drop / 100 * images)``, counted on the first images."""
        return lost(cell, reference, images) <= images_of(self.max_drop, images)

    def may_hold(self, cell: Cell, reference: ReferenceImages, images: int) -> bool:
        """Whether a network may hold on all images, by what the first of them say.

        The images lost are a sum of terms that are not zero only where the classes differ, so their standard error is
        at most the square root of the number of those.
        """
        spread = math.sqrt(images * (1 - cell.agreement))
        return lost(cell, reference, images) - SURE * spread <= self.max_drop / 100 * images

    def describe(self) -> str:
        """In words."""
        parts = [f"within {self.max_drop:g} points of the ANN"]
        if self.max_steps is not None:
            parts.append(f"at T <= {self.max_steps}")
        if self.max_energy is not None:
            parts.append(f"for at most {self.max_energy:g} pJ")
        return " ".join(parts)


def lost(cell: Cell, reference: ReferenceImages, images: int) -> int:
    """Images that the ANN is right on, less those that the network is right on; without labels, of another class."""
    return reference.right_of(images) - round(cell.accuracy * images)
