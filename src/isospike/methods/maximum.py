"""Maximum-activation thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike import scales
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import StreamingMethod


@register
@dataclass(frozen=True, kw_only=True)
class Maximum(StreamingMethod):
    """Thresholds at the largest activation seen (Diehl et al. 2015), soft-reset IF neurons, rate code.

    ``theta = max(relu(z))`` over the calibration data, ``v_init = 0``. Nothing is clipped, so the error is quantisation
    and unevenness alone and falls as 1/T; one outlier makes the steps coarse and a large T necessary. Use it as the
    baseline and when T may be large (256 and more); not when few steps matter.
    """

    papers: ClassVar[tuple[str, ...]] = ("diehl2015fast", "rueckauer2017conversion")

    def parts(self) -> Parts:
        """Maximum scale, IF neuron."""
        return self._streaming(scales.MaximumRule(self.granularity))
