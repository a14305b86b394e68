"""Burst spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike import scales
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import StreamingMethod
from isospike.neurons.streaming_neuron import Largest
from isospike.options import Percent


@register
@dataclass(frozen=True, kw_only=True)
class Burst(StreamingMethod):
    """Neurons that send up to ``largest`` spikes in one step (Li and Zeng 2022).

    ``s = clip(floor(v / theta), 0, largest)``, thresholds at a percentile of the activations: what lies above is sent
    in bursts, so a low percentile does not clip. Max pools follow ``pooling`` like those of other neurons; the paper's
    compare counts of spikes. Good at T of 32 and more where packets of several spikes are allowed;
    not on hardware with spikes of one size, and not for very few steps, where spikes that were too many stay.
    """

    papers: ClassVar[tuple[str, ...]] = ("li2022efficient",)

    largest: Largest = 5
    """Most spikes in one step, Gamma; sites with a ceiling of their own send one."""
    percentile: Percent = 99.9
    """Percentile in percent."""

    def parts(self) -> Parts:
        """Percentile scale, burst neurons."""
        return self._streaming(scales.PercentileRule(self.granularity, self.percentile), "burst", largest=self.largest)
