"""Codes: how a whole number becomes a train of spikes, and how trains are pooled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn


class Code(ABC):
    """A code turns ``a <= k <= K`` into spikes ``s_1 .. s_T`` with whole weights, so that ``k = sum_t w_t s_t``.

    The smallest number is ``a = 0``, and ``a = -K`` of the codes of signed sites.
    """

    @abstractmethod
    def steps(self, levels: int) -> int:
        """Number of time steps T that K levels need."""

    @abstractmethod
    def weights(self, steps: int) -> tuple[int, ...]:
        """What a spike at each step counts, in units."""

    @abstractmethod
    def encode(self, codes: Tensor, steps: int) -> Tensor:
        """Spikes ``[T, ...]``, bool or int8 with signs, of whole numbers, int64 ``[...]``."""

    @abstractmethod
    def count(self, histogram: Tensor, steps: int) -> Tensor:
        """Spikes at every step, int64 ``[T, B]``, from how often each code occurs, int64 ``[B, K - a + 1]``."""

    @abstractmethod
    def events(self, codes: Tensor, steps: int) -> Tensor:
        """How many spikes of T steps make up each whole number: int64 ``[...]`` of int64 ``[...]``."""

    @abstractmethod
    def max_pool(self, trains: Tensor, pool: nn.Module) -> Tensor:
        """Trains of the largest code of every window, step by step.

        The digits so far of a number with a sign grow with the number, so that signs need no rule of their own.

        Args:
            trains: weighted spikes ``[T, B, ...]``; weights of earlier steps are not smaller, and one window holds
                one weight at a step.
            pool: the max pool of one frame.
        """

    def signed(self) -> Code:
        """The code of values of both signs: the digits of the magnitude, each spike with the sign of the value."""
        return SignMagnitude(self)

    def decode(self, spikes: Tensor) -> Tensor:
        """Whole numbers, int64 ``[...]``, of spikes ``[T, ...]``."""
        weights = torch.tensor(self.weights(len(spikes)), device=spikes.device)
        codes: Tensor = torch.tensordot(weights, spikes.long(), dims=1)
        return codes


class Unary(Code):
    """All spikes first: ``s_t = [k >= t]``, ``w_t = 1``, ``T = K``."""

    def steps(self, levels: int) -> int:
        """One step a level."""
        return levels

    def weights(self, steps: int) -> tuple[int, ...]:
        """All one."""
        return (1,) * steps

    def encode(self, codes: Tensor, steps: int) -> Tensor:
        """``k`` spikes, then silence."""
        return torch.stack([codes >= t for t in range(1, steps + 1)])

    def count(self, histogram: Tensor, steps: int) -> Tensor:
        """At step t, all neurons whose code is at least t."""
        return histogram.flip(1).cumsum(1).flip(1)[:, 1:].T

    def events(self, codes: Tensor, steps: int) -> Tensor:
        """One a unit."""
        return codes

    def max_pool(self, trains: Tensor, pool: nn.Module) -> Tensor:
        """Every step by itself: unary trains of two numbers contain each other."""
        return _each_step(trains, pool)


class Binary(Code):
    """Most significant bit first: ``s_t`` is bit ``T - t`` of ``k``, ``w_t = 2^(T-t)``, ``T = ceil(log2(K + 1))``."""

    def steps(self, levels: int) -> int:
        """As many as K has binary digits."""
        return levels.bit_length()

    def weights(self, steps: int) -> tuple[int, ...]:
        """Powers of two, falling to one."""
        return tuple(2 ** (steps - t) for t in range(1, steps + 1))

    def encode(self, codes: Tensor, steps: int) -> Tensor:
        """The binary digits."""
        return torch.stack([(codes >> (steps - t)) & 1 for t in range(1, steps + 1)]).bool()

    def count(self, histogram: Tensor, steps: int) -> Tensor:
        """At step t, all neurons whose code has bit ``T - t``: one product, exact for fewer than 2^53 neurons."""
        counts = _digits(histogram.shape[1], steps) @ histogram.cpu().double().T
        return counts.long().to(histogram.device)

    def events(self, codes: Tensor, steps: int) -> Tensor:
        """The binary digits that are one."""
        ones, left = codes & 1, codes >> 1
        while left.any():
            ones, left = ones + (left & 1), left >> 1
        return ones

    def max_pool(self, trains: Tensor, pool: nn.Module) -> Tensor:
        """Tournament, most significant bit first: a unit stays in while its bits are those of the running maximum.

        With ``P_i(t)`` the number that the first ``t`` bits of unit ``i`` spell and ``M(t) = max_i P_i(t)``, the bit of
        the maximum is ``M(t) - 2 M(t-1)``. The OR of the bits would be wrong for most windows.
        """
        prefix = torch.zeros_like(trains[0], dtype=torch.float64)
        best, winners = pool(prefix), []
        for frame in trains.unbind():
            prefix = 2 * prefix + frame.sign()
            now = pool(prefix)
            winners.append(now - 2 * best)
            best = now
        return _each_step(trains.abs(), pool) * torch.stack(winners).to(trains.dtype)


@dataclass(frozen=True)
class SignMagnitude(Code):
    """Spikes of the magnitude with the sign of the value: two populations, of which one is silent."""

    magnitude: Code
    """The code of ``|k|``."""

    def steps(self, levels: int) -> int:
        """Those of the magnitude: the sign is which population spikes."""
        return self.magnitude.steps(levels)

    def weights(self, steps: int) -> tuple[int, ...]:
        """Those of the magnitude."""
        return self.magnitude.weights(steps)

    def encode(self, codes: Tensor, steps: int) -> Tensor:
        """Spikes of the magnitude, with signs: int8."""
        return self.magnitude.encode(codes.abs(), steps).to(torch.int8) * codes.sign().to(torch.int8)

    def count(self, histogram: Tensor, steps: int) -> Tensor:
        """Numbers of one magnitude have as many."""
        levels = histogram.shape[1] // 2
        folded = histogram[:, levels:].clone()
        folded[:, 1:] += histogram[:, :levels].flip(1)
        return self.magnitude.count(folded, steps)

    def events(self, codes: Tensor, steps: int) -> Tensor:
        """Those of the magnitude."""
        return self.magnitude.events(codes.abs(), steps)

    def max_pool(self, trains: Tensor, pool: nn.Module) -> Tensor:
        """As that of the magnitude."""
        return self.magnitude.max_pool(trains, pool)


class SignedDigitsCode(Binary):
    """Digits of numbers of both signs in one step more than K has binary ones; a subclass says which."""

    def steps(self, levels: int) -> int:
        """One more than K has binary digits."""
        return levels.bit_length() + 1

    def count(self, histogram: Tensor, steps: int) -> Tensor:
        """Every number ``-K .. K`` has its own; see `Binary.count`."""
        levels = histogram.shape[1] // 2
        spikes = (self.encode(torch.arange(-levels, levels + 1), steps) != 0).double()
        return (spikes @ histogram.cpu().double().T).long().to(histogram.device)


@lru_cache(maxsize=64)
def _digits(codes: int, steps: int) -> Tensor:
    """Which of ``codes`` numbers spike at which step of a binary code: float64 ``[T, codes]``, on the CPU."""
    return Binary().encode(torch.arange(codes), steps).double()


def _each_step(trains: Tensor, pool: nn.Module) -> Tensor:
    pooled: Tensor = pool(trains.flatten(0, 1)).unflatten(0, trains.shape[:2])
    return pooled
