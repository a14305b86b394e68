"""Radix encoding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from isospike.methods.bit_coded import DEFAULT_BITS, Bits
from isospike.methods.emitting import EmittingMethod
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.neurons import DOWN
from isospike.neurons.bit_coded import BitCodedNeuron


@register
@dataclass(frozen=True, kw_only=True)
class Radix(EmittingMethod):
    """Radix-encoded spikes: T bits for every activation, rounded down or to the nearest level (Wang et al. 2022).

    A layer accumulates ``acc <- 2 acc + A(s_t)``, which is the sum of its inputs weighted by ``2^(T-t)``, quantises
    it to ``K = 2^bits - 1`` levels and emits the digits. With rounding to nearest it is the bit-coded network at
    K = 2^bits - 1; rounded down, as quantisers without a shift were trained, it loses half a step on average, which
    bias calibration gives back. All sites have the same number of bits; for other levels use bit-coded.
    """

    papers: ClassVar[tuple[str, ...]] = ("wang2022radix",)

    bits: Bits | None = None
    """Bits of every site, so K = 2^bits - 1 levels and T = bits steps; by default 4."""
    rounding: Literal["nearest", "down"] = "nearest"
    """How a total becomes a level: nearest (phi = 1/2; or as it was trained) or down (phi = 0)."""

    def parts(self) -> Parts:
        """Learned or calibrated scale, bit-coded neurons of one length."""
        bits = DEFAULT_BITS if self.bits is None else self.bits
        levels, phase = 2**bits - 1, None if self.rounding == "nearest" else DOWN
        return self._emitting(BitCodedNeuron, levels, levels, phase)
