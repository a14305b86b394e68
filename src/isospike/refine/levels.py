"""Adaptive layer-wise levels: which site gets how many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

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
