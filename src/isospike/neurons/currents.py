"""What arrives at a layer of accumulate-then-emit neurons: a train, and the constants that come with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True)
class Currents:
    """The current of step t is ``train[t] + sum_(n >= t) constants[n] / n``.

    The constants, biases and what layers make of them, are kept apart, so that their total is exact whatever the number
    of steps: a bias ``b`` that is spread over T steps has brought ``b t / T`` after t of them and ``b`` at the end.
    """

    train: Tensor
    """What the spikes bring at every step: ``[T_in, B, ...]``."""
    constants: Mapping[int, Tensor] = field(default_factory=dict)
    """By the number of steps n that it is spread over, the total ``[1, ...]``."""
    analogue: bool = False
    """Whether there are no spikes behind it: an image or the result of an analogue island, there at once."""

    def constant(self, step: int) -> Tensor | float:
        """What the constants have brought after a number of steps, counted from 1."""
        return sum((total if step >= n else total * (step / n) for n, total in self.constants.items()), 0.0)

    def total(self) -> Tensor:
        """The whole current ``[B, ...]``."""
        return self.train.sum(0) + self.constant(len(self.train))
