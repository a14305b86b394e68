"""Percentile thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike import scales
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import StreamingMethod
from isospike.options import Percent
from isospike.scales.histogram import Bins


@register
@dataclass(frozen=True, kw_only=True)
class Percentile(StreamingMethod):
    """Thresholds at a high percentile of the activations (Rueckauer et al. 2017), soft-reset IF neurons, rate code.

    ``theta`` is the percentile of ``relu(z)`` over all elements, zeros included; ``v_init = 0``. Clipping a few
    outliers buys finer steps: better than the maximum at every T below a few hundred; the clipped part is an error that
    no T removes. Do not use a low percentile with channel granularity: a channel that is rarely active gets a
    threshold near 0.
    """

    papers: ClassVar[tuple[str, ...]] = ("rueckauer2017conversion",)

    percentile: Percent = 99.9
    """Percentile in percent."""
    bins: Bins = 2048
    """Bins of the streaming histogram; the quantile is interpolated inside a bin."""

    def parts(self) -> Parts:
        """Percentile scale, IF neuron."""
        return self._streaming(scales.PercentileRule(self.granularity, self.percentile, self.bins))
