"""Refinements: a converted network's parameters, changed for a purpose."""

from isospike.refine.grid import put_on_grid

__all__ = ["put_on_grid"]
