"""What methods for quantised networks have in common: learned bounds stay, others are found."""

from __future__ import annotations

from dataclasses import dataclass

from isospike import scales
from isospike.methods.method import Method
from isospike.methods.parts import AccumulateThenEmit
from isospike.neurons import Emitter
from isospike.scales.rule import Granularity, ScaleRule


@dataclass(frozen=True)
class QuantisedMethod(Method):
    """A method for networks with quantised activations, and training-free for ReLU networks.

    Sites with a learned bound keep it; the bounds of other sites are found on calibration data.
    """

    scale: str = "mmse"
    """Rule that finds the bound of a site that has learned none; learned refuses such sites."""
    granularity: Granularity = "channel"
    """One bound per layer or per channel, where it is not learned."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        self._scale_rule(levels=1, phase=0.0)

    def _scale_rule(self, *, levels: int, phase: float) -> ScaleRule:
        """Learned bounds, elsewhere the chosen rule, told the quantiser that it serves."""
        if self.scale == "learned":
            return scales.Learned(self.granularity)
        rule = scales.make_rule(self.scale, granularity=self.granularity, levels=levels, phase=phase)
        return scales.Learned(self.granularity, otherwise=rule)

    def _require_whole(self, option: str, least: int, most: float = float("inf")) -> None:
        """Refuse a whole number outside a range."""
        value = getattr(self, option)
        wanted = f"a whole number >= {least}" if most == float("inf") else f"a whole number from {least} to {most}"
        self._require(value is None or least <= value <= most, option, wanted)


@dataclass(frozen=True)
class EmittingMethod(QuantisedMethod):
    """A method with accumulate-then-emit neurons, whose network equals the quantised ANN."""

    calibrate_bias: bool = True
    """Let neurons start such that every channel has its mean in the ANN; sites with learned levels stay as they are."""
    exact: bool = False
    """Put the network on a binary grid in float64, where no sum is rounded: equal bit for bit."""

    def _emitting(
        self, kind: type[Emitter], levels: int | None, default: int, phase: float | None = None
    ) -> AccumulateThenEmit:
        """Neurons of one kind, refined as the options say."""
        return AccumulateThenEmit(kind, levels, default, phase, calibrate_bias=self.calibrate_bias, exact=self.exact)
