"""Kernels as operators of torch: in C for the processor, compiled at first use, and in torch for everything else."""

from isospike.kernels.code_counts import code_histogram
from isospike.kernels.library import availability
from isospike.kernels.sparse_convolution import SparseConvolution, kernel_of, skips_zeros
from isospike.kernels.tracker import track
from isospike.kernels.tracker_loop import Rounding, TrackerRule, count, each_step

__all__ = [
    "Rounding",
    "SparseConvolution",
    "TrackerRule",
    "availability",
    "code_histogram",
    "count",
    "each_step",
    "kernel_of",
    "skips_zeros",
    "track",
]
