"""Images for calibration and testing: one specification string, one loader of batches."""

from __future__ import annotations

from isospike.data import cifar10, digits, imagefolder, npz  # noqa: F401  (each registers itself)
from isospike.data.preprocess import IMAGENET, Preprocess
from isospike.data.source import open_data, sources

__all__ = ["IMAGENET", "Preprocess", "open_data", "sources"]
