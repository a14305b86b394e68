"""Load a weight file into a model, or say everything that does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from isospike.data.library import optional_library
from isospike.errors import WeightsError

TORCH_SUFFIXES = (".pth", ".pt", ".th", ".bin")
_WRAPPERS = ("state_dict", "model_state_dict", "model")
_LISTED = 10


def load_weights(model: nn.Module, path: Path) -> None:
    """Load ``.safetensors``, or a state dict that ``torch.save`` wrote; only tensors are read.

    A wrapper (``state_dict``, ``model``, ``model_state_dict``) and a ``module.`` before all keys
    are taken off. Counts of batch normalisation (``num_batches_tracked``) may be missing.

    Raises:
        WeightsError: the file is missing, damaged or holds code, or its keys or shapes do not fit.
    """
    own = model.state_dict()
    stored = _without_prefix(_tensors(_read(path), path), own)
    missing = [key for key in own if key not in stored and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in stored if key not in own]
    shapes = [
        f"{key} ({list(stored[key].shape)} in the file, {list(own[key].shape)} in the model)"
        for key in own
        if key in stored and stored[key].shape != own[key].shape
    ]
    found = {"missing": missing, "unexpected": unexpected, "other shapes": shapes}
    problems = [f"{what}: {_listed(names)}" for what, names in found.items() if names]
    if problems:
        raise WeightsError(f"'{path}' does not fit the model; {'; '.join(problems)}")
    model.load_state_dict(stored, strict=False)


def _read(path: Path) -> Any:
    if not path.is_file():
        raise WeightsError(f"there is no weight file '{path}'")
    suffix = path.suffix.lower()
    if suffix != ".safetensors" and suffix not in TORCH_SUFFIXES:
        known = " ".join((".safetensors", *TORCH_SUFFIXES))
        raise WeightsError(f"'{path}' has no known ending of a weight file; known: {known}")
    try:
        if suffix == ".safetensors":
            return optional_library("safetensors.torch", "safetensors", WeightsError).load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except Exception as cause:  # zip, pickle and header errors alike; their texts span many lines
        raise WeightsError(
            f"'{path}' cannot be read ({type(cause).__name__}): only tensors are loaded, "
            f"from safetensors or from torch.save(model.state_dict(), ...)"
        ) from cause


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping):
        raise WeightsError(f"'{path}' holds a {type(content).__name__}; it must hold a state dict")
    others = [str(key) for key, value in content.items() if not isinstance(value, Tensor)]
    if others:
        raise WeightsError(f"'{path}' holds no state dict: not tensors are {_listed(others)}")
    return {str(key): value for key, value in content.items()}


def _without_prefix(stored: dict[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    if stored.keys() & own.keys() or not all(key.startswith("module.") for key in stored):
        return stored
    return {key.removeprefix("module."): tensor for key, tensor in stored.items()}


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
