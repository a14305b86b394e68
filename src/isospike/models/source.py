"""Load a model by its specification."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

from isospike.data.python_object import is_python_spec
from isospike.errors import IsospikeError, ModelError, UnknownNameError, WeightsError
from isospike.graphs.wrappers import unwrapped
from isospike.messages import warn
from isospike.models.from_python import from_python
from isospike.models.loaded import RANDOM, Library, LoadedModel, sources
from isospike.models.quantised import is_quantised, load_quantised
from isospike.models.weights import load_weights

__all__ = ["LoadedModel", "load_model", "sources"]

PUBLISHED = Path("DEFAULT")
"""In the place of a weight file: the weights that the model's library publishes."""


def load_model(spec: str, *, weights: Path | None = None, untrained: Literal["warn", "refuse"] = "warn") -> LoadedModel:
    """Build ``torchvision:NAME``, ``timm:NAME``, ``file.py:factory`` or ``package.module:factory``.

    Without ``weights`` a library's network has random ones, which is said; the user's factory may load its own.

    Args:
        spec: the model.
        weights: a file to load into it, see `load_weights`; one of a quantised network makes the model that network.
            ``DEFAULT`` loads what the library publishes, from its cache or the network.
        untrained: what to do with random weights of a library's network: ``refuse`` where a score would be reported.

    Raises:
        UnknownNameError: no source has this kind, or the library no model of this name.
        ModelError: the specification names no source, or the model cannot be imported or built.
        WeightsError: the file cannot be read or does not fit, there are no published weights here, or random weights
            are refused.
    """
    loaded = _built(spec, published=weights == PUBLISHED)
    loaded = replace(loaded, model=unwrapped(loaded.model))
    loaded.model.eval()
    if weights is not None and weights != PUBLISHED:
        return _with_file(loaded, weights)
    if loaded.weights == RANDOM:
        _say_random(spec, untrained)
    return loaded


def _built(spec: str, *, published: bool) -> LoadedModel:
    kind, _, argument = spec.partition(":")
    if kind in sources:
        return sources[kind].build(argument, published)
    if not is_python_spec(spec):
        raise _unknown(spec)
    if published:
        raise WeightsError(f"'{spec}' is code of your own, for which nobody publishes weights; give --weights FILE")
    return from_python(spec)


def _unknown(spec: str) -> IsospikeError:
    """The error for what names neither a library nor code; of a bare name it says which libraries know it."""
    kind, colon, _ = spec.partition(":")
    if colon:
        return UnknownNameError(sources.kind, kind, sources)
    known = [f"{name}:{spec}" for name, library in sources.items() if spec in _names(library)]
    hint = f"did you mean {' or '.join(known)}?" if known else "write torchvision:NAME, timm:NAME or FILE.py:FACTORY"
    return ModelError(f"'{spec}' does not say where the model is from; {hint}")


def _names(library: Library) -> list[str]:
    """The names that a library knows; none where it is not installed."""
    try:
        return library.names()
    except ModelError:
        return []


def _with_file(loaded: LoadedModel, weights: Path) -> LoadedModel:
    if is_quantised(weights):
        network, preprocess = load_quantised(loaded.model, weights)
        shape = (1, *network.input_shape)
        loaded = replace(loaded, model=network, preprocess=preprocess or loaded.preprocess, example_shape=shape)
    else:
        load_weights(loaded.model, weights)
    return replace(loaded, weights=str(weights))


def _say_random(spec: str, untrained: Literal["warn", "refuse"]) -> None:
    how = f"give --weights FILE, or --weights {PUBLISHED} for what {spec.partition(':')[0]} publishes"
    if untrained == "refuse":
        raise WeightsError(f"weights: random; no score of {spec} means anything: {how}, or --random-weights")
    warn(f"weights: random; {how}")
