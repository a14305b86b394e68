"""Residual membrane potential neurons with lowered thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike import scales
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import StreamingMethod
from isospike.options import Count, Part


@register
@dataclass(frozen=True, kw_only=True)
class RMP(StreamingMethod):
    """Soft-reset IF neurons with thresholds at a part of the largest spike-driven current (Han et al. 2020).

    ``theta = factor max_t(w s_t + b)`` as in Spike-Norm. The residual potential that the soft reset keeps allows
    thresholds below the largest current: finer steps for a little clipping. The factor belongs to network and T: choose
    it on validation images. Use it to compare; percentile or mmse thresholds need no choice.
    """

    papers: ClassVar[tuple[str, ...]] = ("han2020rmp",)

    factor: Part = 0.8
    """Part of the largest current."""
    calibration_steps: Count = 64
    """Time steps that every calibration image runs."""

    def parts(self) -> Parts:
        """Spike-Norm scale with a factor, IF neuron."""
        return self._streaming(scales.SpikeNormRule(self.granularity, self.calibration_steps, self.factor))
