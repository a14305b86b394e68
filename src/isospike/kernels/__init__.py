"""Kernels in C, compiled on the user's machine at first use; without a compiler torch does the work."""

from isospike.native.code_counts import code_histogram
from isospike.native.library import availability
from isospike.native.sparse_convolution import SparseConvolution, skips_zeros
from isospike.native.tracker import Rule, track

__all__ = ["Rule", "SparseConvolution", "availability", "code_histogram", "skips_zeros", "track"]
