"""Harmony: several spikes of one step are the binary digits of a code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from isospike import scales
from isospike.activations.activation import Granularity
from isospike.methods.method import register
from isospike.methods.parts import Parts, learned_or_rule
from isospike.methods.streaming import StreamingMethod
from isospike.options import Decay, Positive, Range


@register
@dataclass(frozen=True, kw_only=True)
class Harmony(StreamingMethod):
    """Neurons that send all binary digits of what they have in one step, on thresholds for normal currents (AAAI 2026).

    ``n`` thresholds ``u 2^i`` send ``s = clip(floor(v / u), 0, 2^n - 1)`` as one spike for every binary digit; the
    paper's two halves that communicate serve signed sites. ``u`` per channel is the best for normal currents of the
    mean and variance seen, times ``tail``. At T = 1 the network is the ANN quantised to n bits, later steps correct its
    residuals: with 4 bits good from 4 steps on. Compare it with a bit-coded network of n bits, which sends as many
    spikes once; energies bill every binary digit.
    """

    papers: ClassVar[tuple[str, ...]] = ("harmony2026generalized",)

    granularity: Granularity = "channel"
    v_init: Decay | None = 0.5
    bits: Annotated[int, Range(1, 16)] = 4
    """Thresholds n of a neuron: binary digits of a code."""
    tail: Positive = 1.35
    """How much larger thresholds are than the best for normal currents; 1 as published."""

    def parts(self) -> Parts:
        """Gaussian scale, neurons that send binary digits."""
        levels = 2**self.bits - 1
        scale = scales.GaussianRule(self.granularity, levels, self._phase(), self.tail)
        return self._streaming(learned_or_rule(scale), "harmony", largest=levels)
