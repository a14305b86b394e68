"""Max pooling of every step by itself: the pre-neuron max pooling as published."""

from __future__ import annotations

from torch import Tensor

from isospike.neurons.temporal import Memory
from isospike.pooling.rule import MaxPoolRule, rules


class InstantaneousMaxPool(MaxPoolRule):
    """``y_t = max_i z_i,t`` (Bu et al. 2025, pre-neuron max pooling).

    Exact for constant currents only. Elsewhere ``sum_t max_i z_i,t >= max_i sum_t z_i,t``: a positive bias that
    does not fall with ``T``. Use it to reproduce published results, not to deploy.
    """

    papers = ("bu2025inference",)
    before_neuron = True

    def start(self, x: Tensor) -> Memory:
        """Nothing to remember."""
        return {}

    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, None]:
        """Pool all steps as one batch; see `Temporal.advance`."""
        return self.pool(x.flatten(0, 1)).unflatten(0, (len(x), -1)), None


rules.register("instantaneous", InstantaneousMaxPool)
