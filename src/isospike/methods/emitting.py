"""What methods with accumulate-then-emit neurons have in common."""

from __future__ import annotations

from dataclasses import dataclass

from isospike.methods.method import Method
from isospike.methods.parts import AccumulateThenEmit, Parts, learned_or
from isospike.neurons import NEAREST, Emitter
from isospike.refine import EmitterBiasCalibration, ExactGrid
from isospike.scales.rule import Granularity


@dataclass(frozen=True, kw_only=True)
class EmittingMethod(Method):
    """A method with accumulate-then-emit neurons, whose network equals the quantised ANN.

    Sites with a learned bound keep it; the bounds of other sites are found on calibration data.
    """

    scale: str = "mmse"
    """Rule that finds the bound of a site that has learned none; learned refuses such sites."""
    granularity: Granularity = "channel"
    """One bound per layer or per channel, where it is not learned."""
    calibrate_bias: bool = True
    """Let neurons start such that every channel has its mean in the ANN; sites with learned levels stay as they are."""
    exact: bool = False
    """Put the network on a binary grid in float64, where no sum is rounded: equal bit for bit."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        learned_or(self.scale, self.granularity, levels=1, phase=0.0)

    def _emitting(self, kind: type[Emitter], levels: int | None, default: int, phase: float | None = None) -> Parts:
        """Learned or calibrated scale and neurons of one kind, refined as the options say."""
        wanted = NEAREST if phase is None else phase
        scale = learned_or(self.scale, self.granularity, levels=levels or default, phase=wanted)
        bias = (EmitterBiasCalibration(),) if self.calibrate_bias else ()
        grid = (ExactGrid(),) if self.exact else ()
        return Parts(scale, AccumulateThenEmit(kind, levels, default, phase), (*bias, *grid))
