"""Spike-Norm: thresholds from the currents of spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from isospike import scales
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import StreamingMethod
from isospike.options import Count


@register
@dataclass(frozen=True, kw_only=True)
class SpikeNorm(StreamingMethod):
    """Thresholds at the largest current that the spikes of the layers before give (Sengupta et al. 2019).

    ``theta = max_t(w s_t + b)`` over ``calibration_steps`` steps, layer after layer; IF neurons with soft or, as
    published, hard reset. Larger than the maximum activation, because currents of single steps are: nothing is ever
    clipped. Use it to compare with published results; it needs a T of several hundred. Published without biases and
    batch normalisation, which count as currents here.
    """

    papers: ClassVar[tuple[str, ...]] = ("sengupta2019going",)

    reset: Literal["soft", "hard"] = "soft"
    """Subtract the threshold after a spike, or set the potential to zero."""
    calibration_steps: Count = 64
    """Time steps that every calibration image runs."""

    def parts(self) -> Parts:
        """Spike-Norm scale, IF neuron of the chosen reset."""
        neuron = "integrate-and-fire" if self.reset == "soft" else "hard-reset"
        return self._streaming(scales.SpikeNormRule(self.granularity, self.calibration_steps, neuron=neuron), neuron)
