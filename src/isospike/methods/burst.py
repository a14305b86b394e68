"""Burst spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike import scales
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import StreamingMethod


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

    v_init: float | None = 0.0
    largest: int = 5
    """Most spikes in one step, Gamma; sites with a ceiling of their own send one."""
    percentile: float = 99.9
    """Percentile in percent, above 0 and at most 100."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        super().__post_init__()
        self._require_largest("burst", self.largest)
        self._require(0 < self.percentile <= 100, "percentile", "above 0 and at most 100")

    def parts(self) -> Parts:
        """Percentile scale, burst neurons."""
        return self._streaming(scales.Percentile(self.granularity, self.percentile), "burst", largest=self.largest)
