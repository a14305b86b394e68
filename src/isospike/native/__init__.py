"""Kernels in C, compiled on the user's machine at first use; without a compiler torch does the work."""

from isospike.native.library import availability
from isospike.native.sparse_convolution import SparseConvolution, skips_zeros

__all__ = ["SparseConvolution", "availability", "skips_zeros"]
