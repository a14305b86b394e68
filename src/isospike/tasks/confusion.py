"""F1 and Matthews' coefficient: figures of decisions among classes that differ in number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from isospike.errors import DataError
from isospike.intervals import NAME, Z, interval
from isospike.tasks.measure import Interval, Measure, Measured
from isospike.tasks.task import Score

SHARE: dict[str, Any] = {
    "unit": "%",
    "rising": True,
    "perfect": 1.0,
    "least": 0.0,
    "most": 1.0,
    "factor": 100.0,
}
"""What figures from 0 to 1 have in common."""
TOP1 = Measure(key="top1", name="Top-1 accuracy", short="top-1", interval=NAME, **SHARE)
F1 = Measure(key="f1", name="F1 score", short="F1", **SHARE)
MATTHEWS = Measure(key="matthews", name="Matthews correlation", short="Matthews", **{**SHARE, "least": -1.0})


@dataclass(frozen=True)
class _Figure:
    """A figure of the shares ``p[answer, reference]`` of all answers."""

    value: float
    slopes: Tensor
    """``d value / d p``."""
    chance: float


class Confusion(Score):
    """How often each class was answered for each: a chosen figure of it, and the share of right answers.

    Args:
        measure: `F1` or `MATTHEWS`, by which networks are ranked.
        classes: number of classes C; memory is O(C^2).
    """

    def __init__(self, measure: Measure, classes: int) -> None:
        self.measures, self.classes = (measure, TOP1), classes
        self.counts = torch.zeros(classes, classes, dtype=torch.int64)

    def update(self, answers: Tensor, references: Tensor) -> None:
        """Add classes ``[B]`` beside the right ones."""
        cells = answers.to(references.device) * self.classes + references
        self.counts += torch.bincount(cells, minlength=self.classes**2).view_as(self.counts).cpu()

    def merge(self, other: Self) -> None:
        """Add what another score has seen."""
        self.counts = self.counts + other.counts

    def values(self) -> tuple[Measured, ...]:
        """Both figures; the interval of the first is ``± 1.96`` standard errors (delta method), within its range."""
        count = int(self.counts.sum())
        if not count:
            raise DataError("the data hold no sample; give at least one batch")
        parts = self.counts.double() / count
        share = float(parts.trace())
        right = Measured(TOP1, share, count, interval(share, count), 1 / self.classes)
        found = _FIGURES[self.measures[0].key](parts)
        around = _around(self.measures[0], found.value, parts, found.slopes, count=count)
        return Measured(self.measures[0], found.value, count, around, found.chance), right


def _around(measure: Measure, value: float, parts: Tensor, slopes: Tensor, *, count: int) -> Interval | None:
    """``value ± z sqrt((sum p g^2 - (sum p g)^2) / n)`` of shares ``p`` and slopes ``g``; none where it is 0."""
    variance = float((parts * slopes.square()).sum() - (parts * slopes).sum().square()) / count
    if variance <= 0:
        return None
    reach = Z * math.sqrt(variance)
    assert measure.least is not None
    assert measure.most is not None
    return max(value - reach, measure.least), min(value + reach, measure.most)


def _f1(parts: Tensor) -> _Figure:
    """``F_k = 2 p_kk / (r_k + c_k)`` of class 1, or the mean over more than two; chance: all are 1, or a guess."""
    classes, right, both = len(parts), parts.diagonal(), parts.sum(1) + parts.sum(0)
    weight = torch.full((classes,), 1 / classes, dtype=parts.dtype)
    if classes == 2:
        weight = torch.tensor([0.0, 1.0], dtype=parts.dtype)
    known = both.where(both > 0, torch.inf)
    each = 2 * right / known
    down = weight * each / known
    slopes = torch.diag(2 * weight / known) - down[:, None] - down
    share = float(parts.sum(0)[-1])
    return _Figure(float(weight @ each), slopes, 2 * share / (1 + share) if classes == 2 else 1 / classes)


def _matthews(parts: Tensor) -> _Figure:
    """``(sum p_kk - r c) / sqrt((1 - r r) (1 - c c))`` with the shares ``r`` of answers and ``c`` of references."""
    r, c = parts.sum(1), parts.sum(0)
    covariance, spread = parts.trace() - r @ c, ((1 - r @ r).clamp(min=0), (1 - c @ c).clamp(min=0))
    scale = (spread[0] * spread[1]).sqrt()
    if scale == 0:
        return _Figure(0.0, torch.zeros_like(parts), 0.0)
    value = covariance / scale
    slopes = (torch.eye(len(parts), dtype=parts.dtype) - c[:, None] - r) / scale
    slopes = slopes + value * (r[:, None] / spread[0] + c / spread[1])
    return _Figure(float(value), slopes, 0.0)


_FIGURES = {F1.key: _f1, MATTHEWS.key: _matthews}
