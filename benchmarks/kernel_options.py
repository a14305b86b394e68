"""The command line of the benchmarks of single kernels."""

from __future__ import annotations

import argparse
import sys

import torch

from isospike.kernels import availability


def kernel_options(document: str) -> argparse.Namespace:
    """Threads, which are set, and repeats; ends the process where there are no kernels to measure."""
    parser = argparse.ArgumentParser(description=document.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    if (missing := availability()) is not None:
        sys.exit(f"nothing to measure: {missing}")
    torch.set_num_threads(options.threads)
    return options
