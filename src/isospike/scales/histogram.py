"""A streaming histogram of non-negative values with a range that doubles: quantiles and means in O(channels) memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor, nn

from isospike.activations.activation import Granularity
from isospike.graphs.op import Op
from isospike.options import Even
from isospike.scales.rule import OutputObserver, Passive, channel_values

MOST_BINS = 1_000_000
"""A thousandth of a thousandth of the range; above it memory is the limit, not the resolution."""
Bins = Annotated[int, Even(2, MOST_BINS)]
"""A number of bins: neighbours are merged in pairs."""


class StreamingHistogram:
    """Counts per channel in ``bins`` equal bins over ``(0, r]``, exact zeros apart.

    The range ``r`` of a channel is the smallest power of two not below its largest value. When it must grow, it
    doubles and neighbouring bins merge, so that the counts are those of binning everything with the final range:
    they do not depend on the order of the data.

    Args:
        channels: number of independent histograms.
        bins: number of bins, even, 2 to 1,000,000; a quantile is resolved to ``r / bins`` and interpolated inside.
    """

    def __init__(self, channels: int, bins: int) -> None:
        self.channels, self.bins = channels, bins
        self.counts: Tensor | None = None
        self.exponent: Tensor | None = None
        self.largest: Tensor | None = None
        self.total = 0
        self.first: Tensor | None = None
        """The first values themselves ``[bins, channels]``, which are all while there are no more than bins."""

    def add(self, values: Tensor) -> None:
        """Count ``values [N, channels]``; anything below zero counts as zero."""
        largest = values.amax(0).clamp_(min=0)
        if self.counts is None or self.exponent is None or self.largest is None:
            self.counts = torch.zeros(self.channels, self.bins + 1, dtype=torch.long, device=values.device)
            self.exponent = _ceil_log2(largest)
            self.largest = largest
        self.largest = torch.maximum(self.largest, largest)
        self._grow(torch.maximum(self.exponent, _ceil_log2(largest)))
        self.counts += self._count(values, self.exponent)
        if self.first is None:
            self.first = values.new_zeros(self.bins, self.channels)
        room = self.first[self.total : self.total + len(values)]
        room.copy_(values[: len(room)]).clamp_(min=0)
        self.total += len(values)

    def _count(self, values: Tensor, exponent: Tensor) -> Tensor:
        factor = self.bins * torch.exp2(-exponent.to(torch.float64))
        wide = values.to(torch.promote_types(values.dtype, torch.float32))  # half precision has too few whole numbers
        index = (wide * factor.to(wide.dtype)).ceil_().clamp_(0, self.bins).to(torch.int32)
        index += torch.arange(self.channels, dtype=torch.int32, device=values.device) * (self.bins + 1)
        flat = torch.bincount(index.reshape(-1), minlength=self.channels * (self.bins + 1))
        return flat.view(self.channels, self.bins + 1)

    def _grow(self, exponent: Tensor) -> None:
        """Double the range of the channels that need it, merging bins ``2i - 1`` and ``2i`` into ``i``."""
        assert self.counts is not None
        assert self.exponent is not None
        while bool((grow := self.exponent < exponent).any()):
            merged = torch.zeros_like(self.counts[grow])
            merged[:, 0] = self.counts[grow, 0]
            merged[:, 1 : self.bins // 2 + 1] = self.counts[grow, 1:].unflatten(1, (-1, 2)).sum(2)
            self.counts[grow] = merged
            self.exponent = self.exponent + grow.to(self.exponent.dtype)

    def quantile(self, q: float) -> Tensor:
        """The ``q`` quantile of every channel ``[channels]`` (``0 < q <= 1``), zeros included, interpolated."""
        assert self.counts is not None
        assert self.exponent is not None
        assert self.largest is not None
        if q >= 1:
            return self.largest
        rank = q * self.total
        cumulative = self.counts.cumsum(1).to(torch.float64)
        bin_ = torch.searchsorted(cumulative, torch.full_like(cumulative[:, :1], rank)).clamp_(max=self.bins)
        below = torch.where(bin_ > 0, cumulative.gather(1, (bin_ - 1).clamp(min=0)), 0.0)
        inside = self.counts.gather(1, bin_).clamp(min=1)
        position = (bin_ - 1) + ((rank - below) / inside).clamp(0, 1)
        width = torch.exp2(self.exponent.to(torch.float64)) / self.bins
        value = torch.where(bin_ > 0, position * width.unsqueeze(1), 0.0).squeeze(1).to(self.largest.dtype)
        return torch.minimum(value, self.largest)

    def samples(self) -> tuple[Tensor, Tensor]:
        """Values of every channel, float64 ``[channels, ...]``, and how often each occurs.

        They are exact while there are no more of them than bins; then `centres` stand for them.
        """
        assert self.counts is not None
        assert self.first is not None
        if self.total > self.bins:
            return self.centres(), self.counts.to(torch.float64)
        values = self.first[: self.total].T.to(torch.float64).sort(1).values  # in an order that is not the data's
        return values, torch.ones_like(values)

    def centres(self) -> Tensor:
        """The value that stands for each bin ``[channels, bins + 1]``, float64: exact zero, then the middles.

        No counted value lies further than ``r / (2 bins) < largest / bins`` from its own.
        """
        assert self.exponent is not None
        width = torch.exp2(self.exponent.to(torch.float64)) / self.bins
        index = torch.arange(self.bins + 1, device=width.device, dtype=torch.float64)
        return (index - 0.5).clamp_(min=0) * width.unsqueeze(1)


def _ceil_log2(values: Tensor) -> Tensor:
    """Exponent of the smallest power of two not below each value, at least -100, and that for zero."""
    mantissa, exponent = torch.frexp(values.double())
    exponent = exponent - (mantissa == 0.5).int()
    return torch.where(values > 0, exponent, torch.full_like(exponent, -100)).clamp(min=-100)


class HistogramObserver(OutputObserver):
    """Counts the outputs of one activation; what the threshold is made of them, a rule says.

    Args:
        op: the site.
        activation: its module.
        granularity: one histogram or one per channel.
        bins: see `StreamingHistogram`.
    """

    def __init__(self, op: Op, activation: nn.Module, granularity: Granularity, bins: int) -> None:
        super().__init__(op, activation, granularity)
        self.histogram = StreamingHistogram(self.channels, bins)

    def take(self, a: Tensor) -> None:
        """Count outputs ``[B, ...]``."""
        self.histogram.add(channel_values(a, self))

    def adopt(self, other: Passive) -> bool:
        """One histogram serves all that have as many bins for the same channels."""
        if not isinstance(other, HistogramObserver) or other.granularity != self.granularity:
            return False
        if other.histogram.bins != self.histogram.bins:
            return False
        self.histogram = other.histogram
        return True


def least_error(largest: Tensor, candidates: int, error: Callable[[Tensor], Tensor]) -> Tensor:
    """The candidate ``largest * i / candidates`` of least error for each channel, the larger one of two that are equal.

    Args:
        largest: largest value of every channel ``[channels]``; zero gives zero.
        candidates: how many are tried.
        error: of candidates ``[channels]``, float64 ``[channels]``.
    """
    best = torch.zeros_like(largest)
    least = torch.full_like(largest, torch.inf, dtype=torch.float64)
    for i in range(candidates, 0, -1):
        candidate = largest * (i / candidates)
        found = error(candidate)
        best = torch.where(found < least, candidate, best)
        least = torch.minimum(found, least)
    return best
