"""Max pooling as a gate: the unit that has spiked most so far passes."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from isospike.neurons.temporal import Memory
from isospike.pooling.rule import MaxPoolRule, rules, running_sums


class WinnerMaxPool(MaxPoolRule):
    """``y_t = x_(i*, t)`` with ``i*`` the unit of the window with the largest running sum, step ``t`` included.

    Behind the neurons, as in Rueckauer et al. 2017, section 2.2.6; converges as the ranking settles.
    """

    papers = ("rueckauer2017conversion",)
    before_neuron = False

    def __init__(self, pool: nn.Module) -> None:
        super().__init__(pool)
        self.locate = copy.copy(pool)
        self.locate.return_indices = True  # type: ignore[assignment]
        self.spatial = int(type(pool).__name__[-2])  # MaxPool2d has two, with or without channels

    def start(self, x: Tensor) -> Memory:
        """Zero sums."""
        return {"sum": torch.zeros_like(x)}

    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, None]:
        """Locate the winners of every step, gather their inputs; see `Temporal.advance`."""
        sums = running_sums(x, memory["sum"])
        _, winners = self.locate(sums.flatten(0, 1))
        inputs, places = (value.flatten(-self.spatial) for value in (x.flatten(0, 1), winners))
        gathered = inputs.gather(-1, places).view(winners.shape)
        return gathered.unflatten(0, (len(x), -1)), None


rules.register("winner", WinnerMaxPool)
