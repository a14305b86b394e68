"""Bit-coded conversion without error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from isospike.methods.emitting import EmittingMethod
from isospike.methods.method import register
from isospike.methods.parts import Parts
from isospike.neurons.bit_coded import BitCodedNeuron
from isospike.neurons.signed_digits import SignedDigitsNeuron
from isospike.neurons.twos_complement import TwosComplementNeuron
from isospike.options import Range, Some

DEFAULT_BITS = 4
MOST_BITS = 16
DIGITS: dict[str, type[BitCodedNeuron]] = {
    "sign-magnitude": BitCodedNeuron,
    "signed-digits": SignedDigitsNeuron,
    "twos-complement": TwosComplementNeuron,
}
"""Neurons by the digits that they send at signed sites."""
Bits = Annotated[int, Range(1, MOST_BITS)]
"""Bits of one site."""


@register
@dataclass(frozen=True, kw_only=True)
class BitCoded(EmittingMethod):
    """Binary codes, most significant bit first: the quantised ANN in as many steps as levels have bits (Datta 2025).

    Every layer accumulates the whole train of the layers before it and emits the binary digits of ``Q(z; u, K, 1/2)``,
    ``u = bound / K``. The network equals the quantised ANN; what is left of the score is a matter of K alone: 4
    bits lose little, 5 next to nothing, training-free. Use it for the fewest steps. Not when answers are wanted
    before the last step, nor where a spike has no weight: its spikes count 2^(T-t).
    """

    papers: ClassVar[tuple[str, ...]] = ("datta2025snn",)

    bits: Bits | Annotated[tuple[Bits, ...], Some()] | None = None
    """Bits of all sites or, as 4,3,4, of each in order, so K = 2^bits - 1 levels; T is the largest; by default learned
    levels, elsewhere 4 bits."""
    levels: Annotated[int, Range(1, 2**MOST_BITS - 1)] | None = None
    """Levels K of every site instead of bits; T = ceil(log2(K + 1)) steps, saturating at K."""
    digits: Literal["sign-magnitude", "signed-digits", "twos-complement"] = "sign-magnitude"
    """Digits of signed sites: those of the magnitude with its sign; -1, 0 and 1 with the fewest spikes, in a step more;
    or without signs, in a step more and half as many spikes again."""

    def __post_init__(self) -> None:
        """Refuse bits and levels together."""
        super().__post_init__()
        self.require(self.bits is None or self.levels is None, "levels", "left out when bits are given")

    def parts(self) -> Parts:
        """Learned or calibrated scale, bit-coded neurons."""
        levels: int | tuple[int, ...] | None = self.levels
        if self.bits is not None:
            levels = 2**self.bits - 1 if isinstance(self.bits, int) else tuple(2**bits - 1 for bits in self.bits)
        return self._emitting(DIGITS[self.digits], levels, 2**DEFAULT_BITS - 1)
