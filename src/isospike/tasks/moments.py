"""Sums over the numbers of many samples, merged without loss of digits."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor


class Moments:
    """Means and variances of squared errors and of references, batch after batch.

    With ``e_i`` the squared error of sample ``i`` and ``s_i`` the sum of its squared references: the sums of ``e``,
    ``s``, ``e^2``, ``e s`` and ``s^2``, and for every channel the mean of the references and the sum of their squared
    deviations from it, merged by the rule of Chan, Golub and LeVeque 1979.
    """

    def __init__(self) -> None:
        self.samples = self.numbers = 0
        self.sums = torch.zeros(5, dtype=torch.float64)
        self.channels: list[_Spread] = []

    def update(self, answers: Iterable[Tensor], references: Iterable[Tensor]) -> None:
        """Add tensors ``[B, ...]`` beside others of the same shapes."""
        part = Moments()
        errors, sizes = [], []
        for answer, reference in zip(answers, references, strict=True):
            wanted = reference.to(answer.device).double()
            flat = wanted.reshape(len(wanted), -1)
            errors.append((answer.double().reshape(flat.shape) - flat).square().sum(1))
            sizes.append(flat.square().sum(1))
            part.samples, part.numbers = len(flat), part.numbers + flat.numel()
            part.channels.append(_Spread.of(wanted))
        e, s = sum(errors), sum(sizes)
        assert isinstance(e, Tensor)
        assert isinstance(s, Tensor)
        part.sums = torch.stack([e.sum(), s.sum(), (e * e).sum(), (e * s).sum(), (s * s).sum()]).cpu()
        self.merge(part)

    def merge(self, other: Moments) -> None:
        """Add those of other samples."""
        if not self.samples:
            self.channels = list(other.channels)
        else:
            self.channels = [one.merged(two) for one, two in zip(self.channels, other.channels, strict=True)]
        self.samples += other.samples
        self.numbers += other.numbers
        self.sums = self.sums + other.sums

    @property
    def mean_error(self) -> float:
        """The mean squared error of a number."""
        return float(self.sums[0]) / self.numbers

    @property
    def mean_square(self) -> float:
        """The mean square of a reference."""
        return float(self.sums[1]) / self.numbers

    @property
    def mean_variance(self) -> float:
        """The mean squared deviation of a reference from the mean of its channel."""
        return sum(float(one.deviation.sum()) for one in self.channels) / self.numbers

    def error_of_mean(self, *, relative: bool) -> float | None:
        """The standard error of `mean_error`; with one sample there is none.

        Args:
            relative: of its ratio to `mean_square`, times that: ``var(e - R s) / n`` with ``R`` the ratio (delta
                method).
        """
        if self.samples < 2:
            return None
        n, (e, s, ee, es, ss) = self.samples, self.sums.tolist()
        ratio = e / s if relative and s else 0.0
        square = ee - 2 * ratio * es + ratio**2 * ss - (e - ratio * s) ** 2 / n
        return math.sqrt(max(square, 0.0) * n / (n - 1)) / self.numbers


class _Spread:
    """Mean ``[C]`` of as many numbers in every channel, and the sum of their squared deviations ``[C]``."""

    def __init__(self, count: int, mean: Tensor, deviation: Tensor) -> None:
        self.count, self.mean, self.deviation = count, mean, deviation

    @classmethod
    def of(cls, values: Tensor) -> _Spread:
        """Of numbers ``[B, C, ...]``; of ``[B]`` all are one channel."""
        by_channel = values.reshape(len(values), 1) if values.dim() == 1 else values
        rows = by_channel.movedim(1, 0).flatten(1)
        mean = rows.mean(1)
        return cls(rows.shape[1], mean.cpu(), (rows - mean[:, None]).square().sum(1).cpu())

    def merged(self, other: _Spread) -> _Spread:
        """Of both."""
        count, apart = self.count + other.count, other.mean - self.mean
        mean = self.mean + apart * (other.count / count)
        between = apart.square() * (self.count * other.count / count)
        return _Spread(count, mean, self.deviation + other.deviation + between)
