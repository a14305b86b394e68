"""Percentile thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike import scales
from isospike.methods.method import Method, register
from isospike.methods.parts import Parts, Streaming
from isospike.pooling import rules as pooling_rules
from isospike.scales.histogram import BINS, may_be_bins
from isospike.scales.rule import Granularity


@register
@dataclass(frozen=True)
class Percentile(Method):
    """Thresholds at a high percentile of the activations (Rueckauer et al. 2017), soft-reset IF neurons, rate code.

    ``theta`` is the percentile of ``relu(z)`` over all elements, zeros included. Clipping a few outliers buys finer
    steps: better than the maximum at every T below a few hundred; the clipped part is an error that no T removes.
    Do not use a low percentile with channel granularity: a channel that is rarely active gets a threshold near 0.
    """

    papers: ClassVar[tuple[str, ...]] = ("rueckauer2017conversion",)

    percentile: float = 99.9
    """Percentile in percent, above 0 and at most 100."""
    granularity: Granularity = "layer"
    """One threshold per layer or per channel."""
    v_init: float = 0.5
    """Initial membrane potential in thresholds, 0 to 1 (1/2: Bu et al. 2022)."""
    pooling: str = "cumulative"
    """Max-pooling rule: cumulative, instantaneous or winner."""
    bins: int = 2048
    """Bins of the streaming histogram, even, 2 to 1,000,000; the quantile is interpolated inside a bin."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        self._require(0 < self.percentile <= 100, "percentile", "above 0 and at most 100")
        self._require(0 <= self.v_init < 1, "v_init", "in [0, 1)")
        self._require(may_be_bins(self.bins), "bins", BINS)
        pooling_rules[self.pooling]

    def parts(self) -> Parts:
        """Percentile scale, IF neuron, streaming."""
        scale = scales.Percentile(self.granularity, self.percentile, self.bins)
        return Parts(scale, Streaming(self.v_init, self.pooling))
