"""What methods with streaming neurons have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isospike.calibrate.batches import Batches
from isospike.calibrate.delay import measure_delay
from isospike.capture.graph import Graph
from isospike.methods.method import Method
from isospike.methods.parts import Parts, Streaming, learned_or
from isospike.network import ReadOut
from isospike.neurons import streaming
from isospike.pooling import rules as pooling_rules
from isospike.refine.refinement import Refinement
from isospike.scales.rule import Granularity, ScaleRule, takes

DEFAULT_LEVELS = 8


@dataclass(frozen=True, kw_only=True)
class StreamingMethod(Method):
    """A method with neurons that spike while their input still comes: an answer at every step."""

    granularity: Granularity = "layer"
    """One threshold per layer or per channel."""
    v_init: float | None = 0.5
    """Initial membrane potential in thresholds, from 0 to below 1: 1/2 rounds where 0 rounds down (Bu et al. 2022);
    automatic is the shift of a trained activation, elsewhere 1/2."""
    pooling: str = "cumulative"
    """Max-pooling rule: cumulative, instantaneous (as published, biased) or winner."""
    delay: int | Literal["measured"] = 0
    """Steps left out of the read-out (delayed evaluation, Bu et al. 2025), or measured on one batch."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        self._require(self.v_init is None or 0 <= self.v_init < 1, "v_init", "in [0, 1)")
        self._require(isinstance(self.delay, str) or self.delay >= 0, "delay", "at least 0, or measured")
        pooling_rules[self.pooling]

    def read_out(self, graph: Graph, batches: Batches) -> ReadOut:
        """The mean after the delay."""
        return ReadOut(delay=measure_delay(graph, batches.first) if isinstance(self.delay, str) else self.delay)

    def used_papers(self) -> tuple[str, ...]:
        """Also that of a delay."""
        delay = ("bu2025inference",) if self.delay else ()
        return tuple(dict.fromkeys((*super().used_papers(), *delay)))

    def _require_largest(self, neuron: str, largest: int | None) -> None:
        """Refuse events that the neurons called ``neuron`` cannot send."""
        wanted = streaming[neuron].wanted(largest)
        self._require(not wanted, "largest", wanted)

    def _phase(self) -> float:
        """Phase of the quantiser that the neurons stand for: what they start with."""
        return 0.5 if self.v_init is None else self.v_init

    def _streaming(
        self,
        scale: ScaleRule,
        neuron: str = "integrate-and-fire",
        *,
        refinements: tuple[Refinement, ...] = (),
        **options: object,
    ) -> Parts:
        """A scale rule, neurons by name, and what this method's options say."""
        policy = Streaming(streaming[neuron], v_init=self.v_init, pooling=self.pooling, **options)  # type: ignore[arg-type]
        return Parts(scale, policy, refinements)


@dataclass(frozen=True, kw_only=True)
class ScaledMethod(StreamingMethod):
    """A streaming method that takes the bounds of any scale rule; learned bounds stay."""

    scale: str = "mmse"
    """Rule that finds the bound of a site that has learned none; learned refuses such sites."""
    levels: int | None = None
    """Levels that mmse finds the bound of a ReLU site for, T times the largest spike; 8 unless given."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        self._require_whole("levels", 1)
        self._rule()
        used = self.levels is None or takes(self.scale, "levels")
        self._require(used, "levels", f"left out with the scale {self.scale}, which does not depend on them")

    def _rule(self) -> ScaleRule:
        """Learned bounds, elsewhere the chosen rule."""
        return learned_or(self.scale, self.granularity, levels=self.levels or DEFAULT_LEVELS, phase=self._phase())
