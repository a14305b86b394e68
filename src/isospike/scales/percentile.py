"""A high percentile of the activations, robust to outliers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from isospike.capture.graph import Op
from isospike.errors import OptionError
from isospike.scales.histogram import BINS, HistogramObserver, may_be_bins
from isospike.scales.rule import Observer, ScaleRule, rules


@dataclass(frozen=True)
class Percentile(ScaleRule):
    """``theta`` = the ``percentile`` of ``relu(z)`` over all elements, zeros included (Rueckauer et al. 2017)."""

    papers: ClassVar[tuple[str, ...]] = ("rueckauer2017conversion",)

    percentile: float = 99.9
    bins: int = 2048

    def __post_init__(self) -> None:
        """Check the number of bins.

        Raises:
            OptionError: it is not even, or outside its range.
        """
        if not may_be_bins(self.bins):
            raise OptionError(f"percentile: bins must be {BINS}, got {self.bins!r}")

    def observer(self, op: Op, activation: nn.Module) -> Observer:
        """A streaming histogram."""
        return _RunningPercentile(op, activation, self)


class _RunningPercentile(HistogramObserver):
    def __init__(self, op: Op, activation: nn.Module, rule: Percentile) -> None:
        super().__init__(op, activation, rule.granularity, rule.bins)
        self.percentile = rule.percentile

    def scale(self) -> Tensor:
        return self.shaped(self.histogram.quantile(self.percentile / 100))


rules.register("percentile", Percentile)
