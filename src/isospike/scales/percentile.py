"""A high percentile of the activations, robust to outliers."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from isospike.capture.graph import Op
from isospike.errors import OptionError
from isospike.scales.histogram import BINS, StreamingHistogram, may_be_bins
from isospike.scales.rule import Granularity, Observer, ScaleRule, channel_values, rules


@dataclass(frozen=True)
class Percentile(ScaleRule):
    """``theta`` = the ``percentile`` of ``relu(z)`` over all elements, zeros included (Rueckauer et al. 2017)."""

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
        return _RunningPercentile(op, activation, self.granularity, self.percentile, self.bins)


class _RunningPercentile(Observer):
    def __init__(self, op: Op, activation: nn.Module, granularity: Granularity, percentile: float, bins: int) -> None:
        super().__init__(op, activation, granularity)
        self.percentile = percentile
        self.histogram = StreamingHistogram(self.channels, bins)

    def observe(self, z: Tensor) -> Tensor:
        a: Tensor = self.activation(z)
        self.histogram.add(channel_values(a, self))
        return a

    def scale(self) -> Tensor:
        return self.shaped(self.histogram.quantile(self.percentile / 100))


rules.register("percentile", Percentile)
