"""Two's complement: values of both signs in spikes without a sign, by a first step that counts negatively."""

from __future__ import annotations

from torch import Tensor

from isospike.neurons.bit_coded import DigitsNeuron
from isospike.neurons.codes import Binary, Code, SignedDigitsCode
from isospike.neurons.emitter import emitting


class TwosComplement(SignedDigitsCode):
    """``k = -2^(T-1) s_1 + sum_(t>1) 2^(T-t) s_t`` with ``s_t`` in {0, 1} and ``T = bits + 1``.

    One population and no polarity, for 1.5 to 1.7 times the spikes of the magnitude: -1 is all ones. Take it where a
    target has no spikes of both signs.
    """

    def weights(self, steps: int) -> tuple[int, ...]:
        """Powers of two, the first of them negative."""
        first, *rest = super().weights(steps)
        return (-first, *rest)

    def encode(self, codes: Tensor, steps: int) -> Tensor:
        """The binary digits of ``k mod 2^T``."""
        return super().encode(codes % 2**steps, steps)

    def events(self, codes: Tensor, steps: int) -> Tensor:
        """The digits that are one."""
        return super().events(codes % 2**steps, steps)


class _BinaryOrTwosComplement(Binary):
    def signed(self) -> Code:
        return TwosComplement()


class TwosComplementNeuron(DigitsNeuron):
    """A bit-coded neuron that sends two's complement at signed sites, see `TwosComplement`; a rectifier's sends binary.

    The total is quantised when it has arrived, and the digits of the result are sent one after the other.
    """

    code = _BinaryOrTwosComplement()


emitting.register("twos-complement", TwosComplementNeuron)
