"""Load a model by its specification."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from isospike.data.python_object import is_python_spec
from isospike.models.from_python import from_python
from isospike.models.loaded import LoadedModel, sources
from isospike.models.quantised import is_quantised, load_quantised
from isospike.models.weights import load_weights

__all__ = ["LoadedModel", "load_model", "sources"]


def load_model(spec: str, *, weights: Path | None = None) -> LoadedModel:
    """Build ``torchvision:NAME``, ``timm:NAME``, ``file.py:factory`` or ``package.module:factory``.

    Nothing is downloaded: without ``weights`` a library's network has random ones.

    Args:
        spec: the model.
        weights: a file to load into it, see `load_weights`; one of a quantised network makes the model that network.

    Raises:
        UnknownNameError: no source has this kind, or the library no model of this name.
        ModelError: the model cannot be imported or built.
        WeightsError: the file cannot be read or does not fit.
    """
    kind, _, argument = spec.partition(":")
    by_python = kind not in sources and is_python_spec(spec)
    loaded = from_python(spec) if by_python else sources[kind](argument)
    loaded.model.eval()
    if weights is not None and is_quantised(weights):
        network, preprocess = load_quantised(loaded.model, weights)
        shape = (1, *network.input_shape)
        return replace(loaded, model=network, preprocess=preprocess or loaded.preprocess, example_shape=shape)
    if weights is not None:
        load_weights(loaded.model, weights)
    return loaded
