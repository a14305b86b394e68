"""The binary grid, on which no sum is rounded: one pass over the graph, a handler for every op."""

from isospike.refine.grid import ops, pools  # noqa: F401 # they register their handlers
from isospike.refine.grid.gridder import put_on_grid

__all__ = ["put_on_grid"]
