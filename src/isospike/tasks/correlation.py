"""Correlations of values with their targets, as similarities of texts are judged by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import torch
from torch import Tensor

from isospike.errors import DataError
from isospike.intervals import Z
from isospike.tasks.measure import Interval, Measure, Measured
from isospike.tasks.task import Score

_COEFFICIENT: dict[str, Any] = {
    "unit": "%",
    "rising": True,
    "perfect": 1.0,
    "least": -1.0,
    "most": 1.0,
    "factor": 100.0,
}
PEARSON = Measure(key="pearson", name="Pearson correlation", short="Pearson", **_COEFFICIENT)
SPEARMAN = Measure(key="spearman", name="Spearman rank correlation", short="Spearman", **_COEFFICIENT)
SPREAD = {PEARSON.key: 1.0, SPEARMAN.key: 1.06}
"""``sqrt(n - 3)`` times the standard error of ``artanh(r)``; of ranks after Fieller, Hartley and Pearson 1957."""


class Correlations(Score):
    """Both correlations of one number for each sample. Ranks need all numbers: memory is 16 bytes a sample.

    Args:
        measures: both, the one that networks are ranked by first.
    """

    def __init__(self, measures: Sequence[Measure]) -> None:
        self.measures = tuple(measures)
        self.pairs: list[Tensor] = []

    def update(self, answers: list[Tensor], references: list[Tensor]) -> None:
        """Add a number for each sample beside its reference."""
        (answer,), (reference,) = answers, references
        self.pairs.append(torch.stack([one.detach().double().flatten().cpu() for one in (answer, reference)]))

    def merge(self, other: Self) -> None:
        """Add what another score has seen."""
        self.pairs = [*self.pairs, *other.pairs]

    def values(self) -> tuple[Measured, ...]:
        """Both, with Fisher's interval; 0 where all answers are the same, which knows nothing."""
        if not self.pairs:
            raise DataError("the data hold no sample; give at least one batch")
        pairs = torch.cat(self.pairs, 1)
        return tuple(self._measured(measure, pairs) for measure in self.measures)

    def _measured(self, measure: Measure, pairs: Tensor) -> Measured:
        count = pairs.shape[1]
        first, second = (_ranks(one) if measure is SPEARMAN else one for one in pairs)
        value = _correlation(first, second)
        return Measured(measure, value, count, _fisher(value, SPREAD[measure.key], count), 0.0)


def _correlation(first: Tensor, second: Tensor) -> float:
    a, b = first - first.mean(), second - second.mean()
    size = float(a.norm() * b.norm())
    return min(1.0, max(-1.0, float(a @ b) / size)) if size else 0.0


def _ranks(values: Tensor) -> Tensor:
    """The place of each among all, equal ones at the mean of their places."""
    _, place, count = torch.unique(values, return_inverse=True, return_counts=True)
    last = count.cumsum(0).double()
    middle: Tensor = last - (count.double() - 1) / 2
    return middle[place]


def _fisher(value: float, spread: float, count: int) -> Interval | None:
    """``tanh(artanh(r) ± z s / sqrt(n - 3))``."""
    if count < 4 or abs(value) >= 1:
        return None
    reach = Z * spread / math.sqrt(count - 3)
    return math.tanh(math.atanh(value) - reach), math.tanh(math.atanh(value) + reach)
