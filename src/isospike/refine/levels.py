"""Adaptive layer-wise levels: which site gets how many, and when during retraining."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isospike.errors import OptionError


def allocate_levels(metrics: Mapping[str, float], levels: Sequence[int]) -> dict[str, int]:
    """Give every site one of ``levels``: the higher its metric, the fewer.

    The metrics are clustered into ``len(levels)`` groups by exact one-dimensional k-means; the groups in order of
    their mean get the levels in falling order. Infinite metrics take no part and get the smallest.

    Args:
        metrics: metric of every site, from `metric_of_levels` or `metric_of_counts`.
        levels: the numbers of levels to choose from, distinct and at least 1.

    Raises:
        OptionError: the levels are not distinct whole numbers of at least 1, a metric is NaN, or there are fewer
            different finite metrics than levels.

    References:
        Ramesh and Srinivasan 2025, *PASCAL*, section on adaptive layer-wise activation; Wu 1991 (the clustering).
    """
    import kmeans1d

    falling = sorted(levels, reverse=True)
    if not falling or falling[-1] < 1 or len(set(falling)) < len(falling):
        raise OptionError(f"levels must be distinct whole numbers of at least 1, got {list(levels)}")
    undefined = [site for site, metric in metrics.items() if math.isnan(metric)]
    if undefined:
        raise OptionError(f"the metric of {', '.join(undefined)} is NaN; count the codes on more data")
    finite = {site: metric for site, metric in metrics.items() if math.isfinite(metric)}
    different = len(set(finite.values()))
    if different < len(falling):
        raise OptionError(f"{len(falling)} levels for {different} different finite metrics; give fewer levels")
    clusters = kmeans1d.cluster(list(finite.values()), len(falling)).clusters
    allocated = {site: falling[cluster] for site, cluster in zip(finite, clusters, strict=True)}
    return {site: allocated.get(site, falling[-1]) for site in metrics}


@dataclass(frozen=True)
class LevelSchedule:
    """Levels during retraining from scratch: uniform for two thirds of the epochs, then each site's own.

    The bound of an activation stays as it is when its levels change; optimiser and learning-rate schedule go on.

    Raises:
        OptionError: a number is below its least value.

    References:
        Ramesh and Srinivasan 2025, *PASCAL* (200 of 300 epochs on CIFAR, 80 of 120 on ImageNet).
    """

    uniform: int
    """Levels of every site at first, at least 1."""
    adapted: Mapping[str, int]
    """Levels of every site at the end, from `allocate_levels`."""
    epochs: int
    """Epochs altogether, at least 2."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if min([self.uniform, *self.adapted.values()]) < 1:
            raise OptionError("a level schedule needs levels of at least 1")
        if self.epochs < 2:
            raise OptionError(f"a level schedule needs at least 2 epochs, got {self.epochs}")

    @property
    def switch(self) -> int:
        """The first epoch, counted from 0, with the adapted levels: two thirds of all, rounded down."""
        return 2 * self.epochs // 3

    def levels(self, epoch: int) -> dict[str, int]:
        """Levels of every site during ``epoch``, counted from 0."""
        return dict(self.adapted) if epoch >= self.switch else dict.fromkeys(self.adapted, self.uniform)
