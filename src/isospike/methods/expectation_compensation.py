"""Expectation compensation: islands on what was decoded so far, neurons of several thresholds between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from isospike import scales
from isospike.activations.activation import Granularity
from isospike.methods.method import Method, register
from isospike.methods.parts import Parts, Streaming, learned_or_rule
from isospike.neurons import streaming
from isospike.options import OneOf, Percent, Range
from isospike.pooling import rules as pooling_rules


@register
@dataclass(frozen=True, kw_only=True)
class ExpectationCompensation(Method):
    """Rate-coded neurons of ``n`` thresholds a factor of two apart, made for transformers (Huang et al. 2024).

    What is not affine is computed on the mean so far, as everywhere here: at step t it adds ``t f(m_t) - (t - 1)
    f(m_(t-1))``, the published compensation. Thresholds are a percentile of the magnitudes; a neuron sends one spike of
    the nearest threshold, of either sign. The differential code with the same neurons is more exact at the same number
    of spikes; this one needs no weight of ``1 / t``.
    """

    papers: ClassVar[tuple[str, ...]] = ("huang2024towards",)

    granularity: Granularity = "channel"
    """One bound per layer or per channel."""
    percentile: Percent = 99.9
    """Percentile in percent."""
    bits: Annotated[int, Range(1, 16)] = 4
    """Thresholds n of a neuron, each half of the one before."""
    pooling: Annotated[str, OneOf(pooling_rules)] = "cumulative"
    """Max-pooling rule; instantaneous is biased."""

    def parts(self) -> Parts:
        """Percentile scale, neurons of several thresholds."""
        scale = learned_or_rule(scales.PercentileRule(self.granularity, self.percentile))
        return Parts(scale, Streaming(streaming["multi-threshold"], 2 ** (self.bits - 1), pooling=self.pooling))
