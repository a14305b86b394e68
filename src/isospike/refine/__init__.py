"""Refinements: what is changed about a network after it was measured or converted."""

from isospike.refine.bias import calibrate_bias
from isospike.refine.grid import put_on_grid
from isospike.refine.levels import allocate_levels
from isospike.refine.metric import metric_of_counts, metric_of_levels

__all__ = ["allocate_levels", "calibrate_bias", "metric_of_counts", "metric_of_levels", "put_on_grid"]
