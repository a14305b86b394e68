"""Local threshold balancing with delayed evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from isospike import scales
from isospike.activations.activation import Granularity
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import StreamingMethod
from isospike.options import Count, CountOrZero, Decay, Positive


@register
@dataclass(frozen=True, kw_only=True)
class LocalThresholdBalancing(StreamingMethod):
    """Thresholds by a local rule, forward passes only, with delayed evaluation (Bu et al. 2025).

    ``theta <- theta + 2 eta mean(max(z - theta, 0))`` for ``iterations`` mini-batches, soft-reset IF
    neurons, and a read-out that leaves out the first ``t0`` steps, in which the deeper layers wait for their first
    spikes. With ``iterations = 1000`` about one activation in 2,000 lies above its threshold. The paper's max pools are
    ``pooling = "instantaneous"``. Good for large networks and T of 32 and more; not for T below about 16, where a low
    percentile loses less.
    """

    papers: ClassVar[tuple[str, ...]] = ("bu2025inference",)
    rises_with: ClassVar[str | None] = "iterations"

    granularity: Granularity = "channel"
    v_init: Decay | None = 0.5
    delay: CountOrZero | Literal["measured"] = "measured"
    iterations: Count = 1000
    """Mini-batches K; the data are cycled through when they hold fewer."""
    learning_rate: Positive = 1.0
    """Step eta of the mean-form rule; at most 1/2 can never overshoot the largest activation."""

    def parts(self) -> Parts:
        """Local-threshold-balancing scale, IF neuron."""
        return self._streaming(
            scales.LocalThresholdBalancingRule(self.granularity, self.iterations, self.learning_rate)
        )
