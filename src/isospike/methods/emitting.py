"""What methods with accumulate-then-emit neurons have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

from isospike.activations.activation import Granularity
from isospike.methods.method import Method
from isospike.methods.parts import AccumulateThenEmit, Parts, learned_or
from isospike.neurons import NEAREST, Emitter
from isospike.refine import EmitterBiasCalibration, ExactGrid
from isospike.scales.rule import RuleName


@dataclass(frozen=True, kw_only=True)
class EmittingMethod(Method):
    """A method with accumulate-then-emit neurons, whose network equals the quantised ANN.

    Sites with a learned bound keep it; the bounds of other sites are found on calibration data.
    """

    most_steps: ClassVar[int] = 8
    """Most steps that a comparison asks for: with 8 bits nothing is left to gain."""

    scale: RuleName = "mmse"
    """Rule that finds the bound of a site that has learned none; learned refuses such sites."""
    granularity: Granularity = "channel"
    """One bound per layer or per channel, where it is not learned."""
    calibrate_bias: bool = True
    """Let neurons start such that every channel has its mean in the ANN; sites with learned levels stay as they are."""
    exact: bool = False
    """Put the network, up to its first analogue islands, on a binary grid in float64, where no sum is rounded: equal
    bit for bit."""

    def for_steps(self, steps: Sequence[int]) -> tuple[tuple[Method, tuple[int, ...]], ...]:
        """A configuration for each number of steps where none is chosen by bits or levels, else the one that is."""
        sizes = [field.name for field in fields(self) if field.name in ("bits", "levels")]
        if not sizes or any(getattr(self, size) is not None for size in sizes):
            return ((self, ()),)
        options: list[dict[str, Any]] = [{sizes[0]: at} for at in steps if at <= self.most_steps]
        return tuple((replace(self, **size), tuple(size.values())) for size in options)

    def steps_needed(self) -> str:
        """No more than `most_steps`."""
        return f"it takes at most {self.most_steps} steps where no other number is chosen by bits or levels"

    def _emitting(
        self, kind: type[Emitter], levels: int | tuple[int, ...] | None, default: int, phase: float | None = None
    ) -> Parts:
        """Learned or calibrated scale and neurons of one kind, refined as the options say."""
        wanted = NEAREST if phase is None else phase
        known = default if levels is None else levels
        scale = learned_or(self.scale, self.granularity, levels=known, phase=wanted)
        bias = (EmitterBiasCalibration(),) if self.calibrate_bias else ()
        grid = (ExactGrid(),) if self.exact else ()
        return Parts(scale, AccumulateThenEmit(kind, levels, default, phase), (*bias, *grid))
