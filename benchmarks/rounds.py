"""Cases that take turns, and ratios taken pair by pair within a turn; standard library only.

A shared machine has slow moments. Cases timed one after the other within the same round meet the
same moment, so the ratio of a round is steadier than either time, and the median over the rounds
is what to read. Every single time is kept.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Key = TypeVar("Key")
Timer = Callable[[], float]
"""Runs one pass and returns its seconds."""


def stopwatch(run: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> Timer:
    """``run`` as a timer in this process, by seconds of ``clock``."""

    def timer() -> float:
        start = clock()
        run()
        return clock() - start

    return timer


def take_turns(timers: dict[Key, Timer], repeats: int, *, warm_up: bool, pause: float = 0.0) -> dict[Key, list[float]]:
    """Seconds of every case in ``repeats`` rounds (A B C A B C ...).

    Args:
        timers: the cases.
        repeats: number of rounds that count.
        warm_up: whether a round that does not count comes first.
        pause: seconds of rest before each pass. The compute threads of another process spin for some
            milliseconds after its pass; a pause keeps them out of the next one.
    """
    seconds: dict[Key, list[float]] = {key: [] for key in timers}
    for number in range(-1 if warm_up else 0, repeats):
        for key, timer in timers.items():
            time.sleep(pause)
            elapsed = timer()
            if number >= 0:
                seconds[key].append(elapsed)
    return seconds


def medians(seconds: dict[str, list[float]]) -> dict[str, float]:
    """The median of every case."""
    return {key: statistics.median(times) for key, times in seconds.items()}


def ratio(numerator: Sequence[float], denominator: Sequence[float], factor: float = 1.0) -> dict[str, Any]:
    """``numerator / (factor * denominator)`` of every round, and the median of these."""
    rounds = [a / (factor * b) for a, b in zip(numerator, denominator, strict=True)]
    return {"rounds": rounds, "median": statistics.median(rounds)}
