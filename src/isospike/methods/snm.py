"""Signed neurons with memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from isospike import scales
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.methods.streaming import StreamingMethod
from isospike.scales.rule import Fineness


@register
@dataclass(frozen=True, kw_only=True)
class SNM(StreamingMethod):
    """Signed neurons with memory: a negative spike takes back one that was too many (Wang et al. 2022).

    ``s = +1`` if ``v >= theta``; ``s = -1`` if ``v <= -theta`` and more spikes went out than were taken back.
    Thresholds at the maximum of each neuron (neuron-wise normalisation), which needs calibration images like those to
    come: a neuron that saw little saturates later; choose channel or layer then. Better than IF from about 32
    steps on; buffered neurons take back earlier and are better still.
    """

    papers: ClassVar[tuple[str, ...]] = ("wang2022signed",)

    granularity: Fineness = "neuron"  # type: ignore[assignment]
    """One threshold per layer, channel or neuron."""

    def parts(self) -> Parts:
        """Maximum scale, signed neurons."""
        return self._streaming(scales.MaximumRule(self.granularity), "signed-memory")
