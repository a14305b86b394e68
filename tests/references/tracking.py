"""Streaming neurons as their papers write them, corrected where noted: one neuron, step by step, in exact fractions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

Currents = Sequence[Fraction]
Spikes = list[int]


def hard_reset(currents: Currents, theta: Fraction, v: Fraction) -> Spikes:
    """The potential is zero after a spike."""
    spikes = []
    for z in currents:
        v += z
        if v >= theta:
            spikes.append(1)
            v = Fraction(0)
        else:
            spikes.append(0)
    return spikes


def burst(currents: Currents, theta: Fraction, v: Fraction, largest: int) -> Spikes:
    """While there is a threshold left, one more spike, up to ``largest``."""
    spikes = []
    for z in currents:
        v += z
        fired = 0
        while v >= theta and fired < largest:
            v -= theta
            fired += 1
        spikes.append(fired)
    return spikes


def signed_memory(currents: Currents, theta: Fraction, v: Fraction) -> Spikes:
    """A negative spike below minus a threshold, if the memory of spikes is positive."""
    spikes, memory = [], 0
    for z in currents:
        v += z
        fired = 0
        if v >= theta:
            fired = 1
        elif v <= -theta and memory > 0:
            fired = -1
        v -= theta * fired
        memory += fired
        spikes.append(fired)
    return spikes


def at_most(largest: int) -> Callable[[int], int]:
    """``min(x, S_max)``."""
    return lambda x: min(x, largest)


def power_of_two(largest: int) -> Callable[[int], int]:
    """``adj(x) = 2^floor(log2(min(x, S_max)))``; nothing where there is nothing to emit."""

    def adjusted(x: int) -> int:
        size = 1
        while 2 * size <= min(x, largest):
            size *= 2
        return size if x >= 1 else 0

    return adjusted


def buffered(
    currents: Currents,
    theta: Fraction,
    v: Fraction,
    adj: Callable[[int], int],
    *,
    strict: bool = False,
    below: Callable[[Fraction], int] = math.ceil,
    sign: int = -1,
) -> Spikes:
    """The buffer holds the net spikes; as printed with ``strict``, ``below=math.floor``, ``sign=1``."""
    spikes, buffer = [], 0
    for z in currents:
        v += z
        fired = 0
        if v > theta or (v == theta and not strict):
            fired = adj(math.floor(v / theta))
        elif v < 0 and buffer >= 1:
            fired = sign * adj(min(below(-v / theta), buffer))
        v -= theta * fired
        buffer += fired
        spikes.append(fired)
    return spikes


def tracked(currents: Currents, theta: Fraction, v: Fraction, adj: Callable[[int], int], down: int, up: int) -> Spikes:
    """The closed form ``n(t) = n(t-1) + adj(clip(max(0, floor(V(t) / theta)) - n(t-1), -down, up))``."""
    spikes, total, n = [], v, 0
    for z in currents:
        total += z
        missing = min(max(max(0, math.floor(total / theta)) - n, -down), up)
        spikes.append(int(math.copysign(adj(abs(missing)), missing)))
        n += spikes[-1]
    return spikes


def signed_tracked(currents: Currents, theta: Fraction, v: Fraction, adj: Callable[[int], int], largest: int) -> Spikes:
    """``n(t) = n(t-1) + adj(clip(floor(V(t) / theta) - n(t-1), -S, S))``, ``n`` without a bound."""
    spikes, total, n = [], v, 0
    for z in currents:
        total += z
        missing = min(max(math.floor(total / theta) - n, -largest), largest)
        spikes.append(int(math.copysign(adj(abs(missing)), missing)))
        n += spikes[-1]
    return spikes


def pos_neg(currents: Currents, u: Fraction, bits: int) -> Spikes:
    """The two halves of H-MT (AAAI 2026) with communication, thresholds ``u 2^i`` from the largest down in one step.

    Both start at ``u/2``; Pos gets the current, Neg its negative; after firing each takes what the other sent, with the
    sign that the release has: ``v_P += x_N``, ``v_N += x_P``.
    """
    pos = neg = u / 2
    spikes = []
    for z in currents:
        pos, neg, out = pos + z, neg - z, []
        for half in (pos, neg):
            fired = 0
            for i in reversed(range(bits)):
                if half - fired * u >= u * 2**i:
                    fired += 2**i
            out.append(fired)
        pos, neg = pos - out[0] * u + out[1] * u, neg - out[1] * u + out[0] * u
        spikes.append(out[0] - out[1])
    return spikes


def nearest_threshold(e: Fraction, largest: Fraction, count: int) -> Fraction:
    """The largest ``lambda_i = largest / 2^i``, ``i < count``, with ``|e| >= 3/4 lambda_i``, with the sign of ``e``."""
    for i in range(count):
        if abs(e) >= Fraction(3, 4) * largest / 2**i:
            return largest / 2**i * (1 if e > 0 else -1)
    return Fraction(0)


def multi_threshold(currents: Currents, largest: Fraction, count: int, *, signed: bool) -> list[Fraction]:
    """The values that a multi-threshold neuron with soft reset sends; of a rectifier in all never less than zero."""
    values, v, total = [], Fraction(0), Fraction(0)
    for z in currents:
        v += z
        value = nearest_threshold(v, largest, count)
        if value < 0 and not signed:  # the largest threshold that can be taken back
            value = -max((largest / 2**i for i in range(count) if largest / 2**i <= min(-value, total)), default=0)
        values.append(Fraction(value))
        v, total = v - values[-1], total + values[-1]
    return values


def differential(
    currents: Currents,
    decide: Callable[[Fraction], Fraction],
    v_init: Fraction,
    back: Callable[[Fraction], Fraction] | None,
) -> tuple[list[Fraction], list[Fraction]]:
    """The differential code as its paper steps it: a spike at step t changes what is decoded by ``1 / t`` of its value.

    Args:
        currents: of every step; their mean up to t is the current that the layer before means.
        decide: the value that is sent for an error.
        v_init: part of every error.
        back: the largest value that can be taken back, at most so much; ``None``: any.

    Returns:
        What is sent, and what is decoded, after every step.
    """
    sent, decoded, mean, a = [], [], Fraction(0), Fraction(0)
    for t, z in enumerate(currents, 1):
        mean += (z - mean) / t
        value = decide(v_init + t * (mean - a))
        value = -back(min(-value, t * a)) if value < 0 and back is not None else value
        a += value / t
        sent.append(value)
        decoded.append(a)
    return sent, decoded
