"""Digits -1, 0 and 1, no two of them side by side: the fewest spikes that make a whole number of powers of two."""

from __future__ import annotations

import torch
from torch import Tensor

from isospike.neurons.bit_coded import DigitsNeuron
from isospike.neurons.codes import Binary, Code, SignedDigitsCode
from isospike.neurons.emitter import emitting


class SignedDigits(SignedDigitsCode):
    """The non-adjacent form: ``k = sum_t 2^(T-t) d_t``, ``d_t`` in {-1, 0, 1}, ``d_t d_(t+1) = 0``, ``T = bits + 1``.

    Digit ``i`` of ``k >= 0`` is bit ``i + 1`` of ``3k`` minus bit ``i + 1`` of ``k``; those of ``-k`` are the negated
    ones. It has ``popcount(k xor 3k)`` spikes: for values of a normal distribution 1.13, 1.71 and 2.29 at 4, 6 and 8
    bits where the magnitude has 1.15, 1.86 and 2.66, for one more step.
    """

    def encode(self, codes: Tensor, steps: int) -> Tensor:
        """The digits: int8."""
        size, sign = codes.abs(), codes.sign()
        places = range(steps, 0, -1)
        digits = [(((3 * size) >> place) & 1) - ((size >> place) & 1) for place in places]
        return (torch.stack(digits) * sign).to(torch.int8)

    def events(self, codes: Tensor, steps: int) -> Tensor:
        """``popcount(k xor 3k)``."""
        size = codes.abs()
        return super().events(size ^ (3 * size), steps)


class _BinaryOrSignedDigits(Binary):
    def signed(self) -> Code:
        return SignedDigits()


class SignedDigitsNeuron(DigitsNeuron):
    """A bit-coded neuron that sends signed digits at signed sites, see `SignedDigits`; a rectifier's sends binary ones.

    The total is quantised when it has arrived, and the digits of the result are sent one after the other.
    """

    code = _BinaryOrSignedDigits()


emitting.register("signed-digits", SignedDigitsNeuron)
