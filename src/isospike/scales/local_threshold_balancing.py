"""Local threshold balancing: thresholds found by a local rule while the batches pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from isospike.activations.activation import Granularity
from isospike.graphs.op import Op
from isospike.options import Count, Positive
from isospike.scales.rule import Observer, ScaleRule, rules


@dataclass(frozen=True)
class LocalThresholdBalancingRule(ScaleRule):
    """``theta <- theta + 2 eta mean(max(z - theta, 0))`` for each of ``iterations`` mini-batches, from zero.

    Layers are updated in order in the same pass; the next layer sees ``clip(z, 0, theta)`` with the new ``theta``.
    The mean over batch and space stands where the paper prints a sum, whose first step would overshoot by the
    number of elements. After ``K`` iterations ``P(z > theta)`` is about ``1 / (2 eta K)`` whatever the scale.

    References:
        Bu et al. 2025, *Inference-Scale Complexity in ANN-SNN Conversion*, algorithm 1.
    """

    papers: ClassVar[tuple[str, ...]] = ("bu2025inference",)

    iterations: Count = 1000
    """Mini-batches K."""
    learning_rate: Positive = 1.0
    """Step eta."""

    def observer(self, op: Op, activation: nn.Module) -> Observer:
        """A threshold that follows the exceedance of its currents."""
        return _BalancedThreshold(op, activation, self.granularity, self.learning_rate)

    @property
    def batches(self) -> int:
        """One mini-batch an iteration."""
        return self.iterations


class _BalancedThreshold(Observer):
    def __init__(self, op: Op, activation: nn.Module, granularity: Granularity, learning_rate: float) -> None:
        super().__init__(op, activation, granularity)
        self.learning_rate = learning_rate
        self.theta: Tensor | None = None

    def observe(self, z: Tensor) -> Tensor:
        if self.theta is None:
            self.theta = self.shaped(z.new_zeros(self.channels))
        exceedance = (z - self.theta).clamp_(min=0).mean(self.axes)
        theta = self.theta + 2 * self.learning_rate * self.shaped(exceedance)
        self.theta = torch.minimum(theta, self.ceiling(theta))
        return torch.minimum(z.clamp(min=0), self.theta)

    def scale(self) -> Tensor:
        assert self.theta is not None
        return self.theta


rules.register("local-threshold-balancing", LocalThresholdBalancingRule)
