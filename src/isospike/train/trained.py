"""What a training gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from torch import nn

from isospike.results import Shown, Stored, columns_of, row_of
from isospike.tables import Table, Tabular
from isospike.train.objective import MEASURE


@dataclass(frozen=True)
class Epoch(Stored):
    """What one epoch gave."""

    epoch: Annotated[int, Shown("epoch", "", 0)]
    """Number of the epoch, from 1."""
    loss: Annotated[float, Shown("loss", "", 4)]
    """Mean loss on the augmented training images, while the weights changed."""
    score: Annotated[float, Shown("score")]
    """The share of right answers on those images, or with a teacher of its answers, see `isospike.train.objective`."""
    learning_rate: Annotated[float, Shown("learning rate", "", 6)]
    """Rate of the last step."""
    seconds: Annotated[float, Shown("seconds", "", 1)]
    """Duration."""


@dataclass(frozen=True, eq=False)
class Trained(Tabular):
    """The result of a training."""

    model: nn.Module
    """The trained network in evaluation mode, on the device of the given one; averaged weights with ``ema``."""
    history: tuple[Epoch, ...]
    """One entry per epoch, those before a resume included."""

    def table(self) -> Table:
        """One row per epoch."""
        columns = columns_of(Epoch, score=MEASURE.column("score", f"training {MEASURE.heading}"))
        rows = tuple(row_of(columns, epoch) for epoch in self.history)
        return Table("epochs", "trained", columns, rows)
