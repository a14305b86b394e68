"""Local threshold balancing with delayed evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike import scales
from isospike.calibrate.batches import Batches
from isospike.calibrate.delay import measure_delay
from isospike.capture.graph import Graph
from isospike.methods.method import Method, register
from isospike.methods.parts import Parts, Streaming
from isospike.pooling import rules as pooling_rules
from isospike.scales.rule import Granularity
from isospike.simulate.readout import ReadOut


@register
@dataclass(frozen=True)
class LocalThresholdBalancing(Method):
    """Thresholds by a local rule, forward passes only, with delayed evaluation (Bu et al. 2025).

    ``theta <- theta + 2 eta mean(max(z - theta, 0))`` for ``iterations`` mini-batches, soft-reset IF
    neurons, and a read-out that leaves out the first ``t0`` steps, in which the deeper layers wait for their first
    spikes. With ``iterations = 1000`` about one activation in 2,000 lies above its threshold. Good for
    large networks and T of 32 and more; not for T below about 16, where a low percentile loses less.
    """

    papers: ClassVar[tuple[str, ...]] = ("bu2025inference",)

    iterations: int = 1000
    """Mini-batches K; the data are cycled through when they hold fewer."""
    learning_rate: float = 1.0
    """Step eta of the mean-form rule; at most 1/2 can never overshoot the largest activation."""
    granularity: Granularity = "channel"
    """One threshold per layer or per channel."""
    v_init: float = 0.5
    """Initial membrane potential in thresholds, 0 to 1."""
    pooling: str = "cumulative"
    """Max-pooling rule: cumulative, instantaneous (as published, biased) or winner."""
    delay: int | None = None
    """Steps left out of the read-out (t0); measured on one batch by default, 0 for none."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        self._require(self.iterations >= 1, "iterations", "a whole number >= 1")
        self._require(0 < self.learning_rate < float("inf"), "learning_rate", "positive and finite")
        self._require(0 <= self.v_init < 1, "v_init", "in [0, 1)")
        self._require(self.delay is None or self.delay >= 0, "delay", "at least 0")
        pooling_rules[self.pooling]

    def parts(self) -> Parts:
        """Local-threshold-balancing scale, IF neuron, streaming."""
        scale = scales.LocalThresholdBalancing(self.granularity, self.iterations, self.learning_rate)
        return Parts(scale, Streaming(self.v_init, self.pooling))

    def read_out(self, graph: Graph, batches: Batches) -> ReadOut:
        """The mean after the delay."""
        return ReadOut(delay=measure_delay(graph, batches.first) if self.delay is None else self.delay)
