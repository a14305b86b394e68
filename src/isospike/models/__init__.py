"""Trained networks by name: one specification string, one model in evaluation mode."""

from __future__ import annotations

from isospike.models import from_timm, from_torchvision, from_transformers  # noqa: F401  (each registers itself)
from isospike.models.loaded import LoadedModel, sources
from isospike.models.source import load_model
from isospike.models.weights import load_weights

__all__ = ["LoadedModel", "load_model", "load_weights", "sources"]
