"""Max pooling of running sums: the total is exactly the maximum of the totals."""

from __future__ import annotations

import torch
from torch import Tensor

from isospike.neurons.temporal import Memory
from isospike.pooling.rule import MaxPoolRule, rules, running_sums


class CumulativeMaxPool(MaxPoolRule):
    """``y_t = max_i Z_i(t) - max_i Z_i(t - 1)`` with ``Z_i(t)`` the running sum of input ``i``.

    The outputs up to ``t`` sum to ``max_i Z_i(t)`` at every step, so the pool adds no bias.
    """

    before_neuron = True

    def start(self, x: Tensor) -> Memory:
        """Zero sums and zero maxima."""
        return {"sum": torch.zeros_like(x), "max": torch.zeros_like(self.pool(x))}

    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, None]:
        """Pool the running sums and take differences; see `Temporal.advance`."""
        sums = running_sums(x, memory["sum"])
        maxima = self.pool(sums.flatten(0, 1)).unflatten(0, (len(x), -1))
        out = torch.diff(maxima, dim=0, prepend=memory["max"].unsqueeze(0))
        memory["max"].copy_(maxima[-1])
        return out, None


rules.register("cumulative", CumulativeMaxPool)
