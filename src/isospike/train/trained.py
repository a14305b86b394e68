"""What a training gives."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from isospike.tables import Column, Table, Tabular
from isospike.train.objective import MEASURE


@dataclass(frozen=True)
class Epoch:
    """What one epoch gave."""

    epoch: int
    """Number of the epoch, from 1."""
    loss: float
    """Mean loss on the augmented training images, while the weights changed."""
    score: float
    """The share of right answers on those images, or with a teacher of its answers, see `isospike.train.objective`."""
    learning_rate: float
    """Rate of the last step."""
    seconds: float
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
        columns = (
            Column("epoch", "epoch", "", 0),
            Column("loss", "loss", "", 4),
            Column("score", f"training {MEASURE.heading}", "", MEASURE.digits, factor=MEASURE.factor),
            Column("learning_rate", "learning rate", "", 6),
            Column("seconds", "seconds", "", 1),
        )
        rows = tuple(tuple(getattr(epoch, column.key) for column in columns) for epoch in self.history)
        return Table("epochs", "trained", columns, rows)
