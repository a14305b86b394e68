"""A high percentile of the activations, robust to outliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from isospike.graphs.op import Op
from isospike.options import Percent
from isospike.scales.histogram import Bins, HistogramObserver
from isospike.scales.rule import Observer, ScaleRule, rules


@dataclass(frozen=True)
class PercentileRule(ScaleRule):
    """``theta`` = the ``percentile`` of ``relu(z)`` over all elements, zeros included (Rueckauer et al. 2017).

    At signed sites it is that of the magnitudes.
    """

    papers: ClassVar[tuple[str, ...]] = ("rueckauer2017conversion",)
    serves_signed = True

    percentile: Percent = 99.9
    """In percent."""
    bins: Bins = 2048
    """Bins of the streaming histogram."""

    def observer(self, op: Op, activation: nn.Module) -> Observer:
        """A streaming histogram."""
        return _RunningPercentile(op, activation, self)


class _RunningPercentile(HistogramObserver):
    def __init__(self, op: Op, activation: nn.Module, rule: PercentileRule) -> None:
        super().__init__(op, activation, rule.granularity, rule.bins)
        self.percentile = rule.percentile

    def scale(self) -> Tensor:
        return self.shaped(self.histogram.quantile(self.percentile / 100))


rules.register("percentile", PercentileRule)
