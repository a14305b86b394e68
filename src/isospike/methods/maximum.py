"""Maximum-activation thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike import scales
from isospike.methods.method import Method, register
from isospike.methods.parts import Parts, Streaming
from isospike.pooling import rules as pooling_rules
from isospike.scales.rule import Granularity


@register
@dataclass(frozen=True)
class Maximum(Method):
    """Thresholds at the largest activation seen (Diehl et al. 2015), soft-reset IF neurons, rate code.

    ``theta = max(relu(z))`` over the calibration data. Nothing is clipped, so the error is quantisation and
    unevenness alone and falls as 1/T; one outlier makes the steps coarse and a large T necessary. Use it as the
    baseline and when T may be large (256 and more); not when few steps matter.
    """

    papers: ClassVar[tuple[str, ...]] = ("diehl2015fast", "rueckauer2017conversion")

    granularity: Granularity = "layer"
    """One threshold per layer or per channel."""
    v_init: float = 0.5
    """Initial membrane potential in thresholds, 0 to 1 (1/2: Bu et al. 2022; 0: Diehl et al. 2015)."""
    pooling: str = "cumulative"
    """Max-pooling rule: cumulative, instantaneous or winner."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        self._require(0 <= self.v_init < 1, "v_init", "in [0, 1)")
        pooling_rules[self.pooling]

    def parts(self) -> Parts:
        """Maximum scale, IF neuron, streaming."""
        return Parts(scales.Maximum(self.granularity), Streaming(self.v_init, self.pooling))
