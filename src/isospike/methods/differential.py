"""The differential code: spikes say what changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from isospike.activations.activation import Granularity
from isospike.methods.method import Method, register
from isospike.methods.parts import Parts, Streaming, learned_or
from isospike.neurons import NEAREST, streaming
from isospike.options import Range
from isospike.scales.rule import RuleName


@register
@dataclass(frozen=True, kw_only=True)
class Differential(Method):
    """Spikes that change the mean so far, ``theta / t`` at step t, from neurons of several thresholds (Huang et al.).

    A neuron sends a spike only where its mean so far differs from that of its current, so a layer that is right stays
    silent, and every step refines the answer. Of ``n`` thresholds a factor of two apart a step sends the one that is
    nearest; graded neurons (``digits``) send up to ``n`` at once and are n-bit quantisers at T = 1. One threshold
    (``bits = 1``) costs more spikes than a rate code. The best answer at any step: good from 2 steps on; not where
    spikes cannot be weighted by ``1 / t``, nor where a spike has one size.
    """

    papers: ClassVar[tuple[str, ...]] = ("huang2025differential",)

    scale: RuleName = "gaussian"
    """Rule that finds the bound of a site that has learned none; learned refuses such sites."""
    granularity: Granularity = "channel"
    """One bound per layer or per channel."""
    bits: Annotated[int, Range(1, 16)] = 4
    """Thresholds n of a neuron, each half of the one before."""
    spikes: Literal["nearest", "digits"] = "nearest"
    """What a step sends: one spike of the nearest threshold, or one for every binary digit of a graded number."""

    def parts(self) -> Parts:
        """Any scale, differential neurons; max pools of what was decoded."""
        levels = 2**self.bits - 1
        scale = learned_or(self.scale, self.granularity, levels=levels, phase=NEAREST)
        graded = self.spikes == "digits"
        kind = streaming["differential" if graded else "differential-multi-threshold"]
        return Parts(scale, Streaming(kind, levels if graded else 2 ** (self.bits - 1), pooling="cumulative"))
