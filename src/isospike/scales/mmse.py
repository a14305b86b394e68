"""The threshold whose quantised activation is nearest to the ReLU's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from isospike.graphs.op import Op
from isospike.neurons.levels import at_site
from isospike.neurons.quantiser import is_signed
from isospike.options import Count, Decay, Some
from isospike.scales.histogram import Bins, HistogramObserver, least_error
from isospike.scales.rule import Observer, ScaleRule, rules

TOGETHER = 64
"""Channels searched at once: their bins fit into a processor's cache (2048 channels: 3.4 s without, 1 s with it)."""


@dataclass(frozen=True)
class MMSERule(ScaleRule):
    """``theta = argmin_V mean((u clip(floor(x / u + phi), 0, K) - x)^2)``, ``u = V / K``, ``x = relu(z)``.

    ``V`` runs over ``max(x) i / candidates``, ``i = 1 .. candidates``, for the whole layer or every channel. The mean
    is taken over the values themselves where a channel has no more than ``bins`` of them, so for few images. Of more,
    a histogram is kept, in which a value is known to half a bin ``w``, ``w < 2 max(x) / bins``. The error is continuous
    in ``x`` but for jumps of ``|1 - 2 phi| u``, so its root mean square is known to

        w / 2 + |1 - 2 phi| u sqrt(p),    p = fraction of the values in bins that a step of the quantiser cuts,

    which is ``w / 2`` for ``phi = 1/2`` and any data: the threshold found is then at most ``w`` worse than the best
    candidate, and at most ``w + max(x) / candidates`` worse than the best ``V`` of all up to ``max(x)``.

    At signed sites ``x`` is the magnitude and the phase 1/2, for codes of both signs round alike.

    A channel that is never positive gets zero. Do not use it for streaming neurons at many steps: the error it
    minimises is theirs only for constant currents.

    Raises:
        OptionError: a field is outside its range.

    References:
        Li et al. 2021, *A Free Lunch From ANN*, the MMSE threshold (there ``K = T``, ``phi = 0``).
    """

    papers: ClassVar[tuple[str, ...]] = ("li2021free",)
    serves_signed = True

    levels: Count | Annotated[tuple[Count, ...], Some()]
    """``K``, the largest code, or one for each site; ``T`` for a rate code, ``2^bits - 1`` for a binary one."""
    phase: Decay = 0.5
    """Phase phi of the quantiser: 1/2 for neurons that round (accumulate then emit), 0 for those that floor."""
    candidates: Count = 100
    """Number of thresholds tried (100: the paper)."""
    bins: Bins = 2048
    """Bins of the streaming histogram, several times ``levels``."""

    def at(self, index: int, sites: int) -> ScaleRule:
        """With the levels of the site.

        Raises:
            OptionError: there are not as many levels as sites.
        """
        return replace(self, levels=at_site(self.levels, index, sites))

    def observer(self, op: Op, activation: nn.Module) -> Observer:
        """A streaming histogram, searched at the end."""
        assert isinstance(self.levels, int), "levels of several sites; ask for the rule at one"
        return _LeastSquares(op, activation, self, self.levels)


class _LeastSquares(HistogramObserver):
    def __init__(self, op: Op, activation: nn.Module, rule: MMSERule, levels: int) -> None:
        super().__init__(op, activation, rule.granularity, rule.bins)
        self.rule, self.levels = rule, levels
        self.phase = 0.5 if is_signed(activation) else rule.phase

    def scale(self) -> Tensor:
        largest = self.histogram.largest
        assert largest is not None
        parts = zip(*(t.split(TOGETHER) for t in (largest, *self.histogram.samples())), strict=True)
        return self.shaped(torch.cat([self._search(*part) for part in parts]))

    def _search(self, largest: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        return least_error(
            largest, self.rule.candidates, lambda theta: self._squared_error(theta.to(torch.float64), x, weight)
        )

    def _squared_error(self, theta: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        """Summed over the values ``x [channels, ...]``, each of its weight."""
        unit = (theta / self.levels).clamp(min=torch.finfo(torch.float64).tiny).unsqueeze(1)
        quantised = (x / unit).add_(self.phase).floor_().clamp_(0, self.levels).mul_(unit)
        return quantised.sub_(x).square_().mul_(weight).sum(1)


rules.register("mmse", MMSERule)
