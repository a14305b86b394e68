"""What methods with streaming neurons have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from isospike.activations.activation import Granularity
from isospike.methods.method import Method
from isospike.methods.parts import Parts, Streaming, learned_or
from isospike.methods.schedule import Schedule
from isospike.neurons import streaming
from isospike.options import Count, CountOrZero, Decay, OneOf
from isospike.pooling import rules as pooling_rules
from isospike.refine.refinement import Refinement
from isospike.scales.rule import RuleName, ScaleRule, takes

DEFAULT_LEVELS = 8


@dataclass(frozen=True, kw_only=True)
class StreamingMethod(Method):
    """A method with neurons that spike while their input still comes: an answer at every step."""

    granularity: Granularity = "layer"
    """One threshold per layer or per channel."""
    v_init: Decay | None = 0.0
    """Initial membrane potential in thresholds: 1/2 rounds where 0 rounds down (Bu et al. 2022); automatic is the shift
    of a trained activation, elsewhere 1/2, as always at signed sites."""
    pooling: Annotated[str, OneOf(pooling_rules)] = "cumulative"
    """Max-pooling rule; instantaneous is as published, and biased."""
    delay: CountOrZero | Literal["measured"] = 0
    """Steps left out of the read-out (delayed evaluation, Bu et al. 2025), or measured on one batch."""

    def _require_largest(self, neuron: str, largest: int | None) -> None:
        """Refuse events that the neurons called ``neuron`` cannot send."""
        wanted = streaming[neuron].wanted(largest)
        self.require(not wanted, "largest", wanted)

    def _schedule(self) -> Schedule:
        """The mean after the delay."""
        return Schedule(self.delay)

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
        return Parts(scale, policy, refinements, self._schedule())


@dataclass(frozen=True, kw_only=True)
class ScaledMethod(StreamingMethod):
    """A streaming method that takes the bounds of any scale rule; learned bounds stay."""

    v_init: Decay | None = None
    scale: RuleName = "mmse"
    """Rule that finds the bound of a site that has learned none; learned refuses such sites."""
    levels: Count | None = None
    """Levels that mmse finds the bound of a ReLU site for, T times the largest spike; 8 unless given."""

    def __post_init__(self) -> None:
        """Refuse levels that the rule does not take."""
        super().__post_init__()
        used = self.levels is None or takes(self.scale, "levels")
        self.require(used, "levels", f"left out with the scale {self.scale}, which does not depend on them")

    def _rule(self) -> ScaleRule:
        """Learned bounds, elsewhere the chosen rule."""
        return learned_or(self.scale, self.granularity, levels=self.levels or DEFAULT_LEVELS, phase=self._phase())
