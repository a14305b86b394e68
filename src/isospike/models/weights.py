"""Load a weight file into a model, or say everything that does not fit."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from isospike.errors import WeightsError
from isospike.messages import with_article

TORCH_SUFFIXES = (".pth", ".pt", ".th", ".bin")
_CONTAINERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights")
"""Keys under which training scripts keep the state dict, beside epochs and accuracies."""
_WRAPPERS = frozenset({"module", "_orig_mod"})
"""Parts of names that DataParallel, DistributedDataParallel and torch.compile put in, at any depth."""
_LISTED = 10


def load_weights(model: nn.Module, path: Path) -> None:
    """Load ``.safetensors``, or a state dict that ``torch.save`` wrote; only tensors are read.

    A state dict may lie under one of a few usual keys (``state_dict``, ``model``, ``net``, ...). What wrappers put into
    its names, at any depth (``features.module.0.weight``), and a prefix that all names share (``model.``) are taken off
    where the model has no such names. Counts of batch normalisation (``num_batches_tracked``) may be missing.

    Raises:
        WeightsError: the file is missing, damaged or holds code, a tensor is not plain (sparse, nested, without values,
            quantised), or the names, shapes or types do not fit.
    """
    _load(model, _named_as(model.state_dict(), _tensors(_read(path), path)), path)


def _load(model: nn.Module, stored: Mapping[str, Tensor], path: Path) -> None:
    own = model.state_dict()
    missing = [key for key in own if key not in stored and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in stored if key not in own]
    both = [key for key in own if key in stored]
    shapes = [
        f"{key} ({list(stored[key].shape)} in the file, {list(own[key].shape)} in the model)"
        for key in both
        if stored[key].shape != own[key].shape
    ]
    types = [
        f"{key} ({stored[key].dtype} in the file, {own[key].dtype} in the model)"
        for key in both
        if own[key].is_floating_point() and not stored[key].is_floating_point()
    ]
    found = {"missing": missing, "unexpected": unexpected, "other shapes": shapes, "other types": types}
    problems = [f"{what}: {_listed(names)}" for what, names in found.items() if names]
    if problems:
        raise WeightsError(f"'{path}' does not fit the model; {'; '.join(problems)}")
    model.load_state_dict(stored, strict=False)


def load_known_weights(model: nn.Module, path: Path) -> None:
    """As `load_weights`; tensors of the file that the model has no place for are left out.

    Raises:
        WeightsError: as `load_weights`.
    """
    own = model.state_dict()
    stored = _tensors(_read(path), path)
    prefix = "bert." if not own.keys() & stored.keys() and any(key.startswith("bert.") for key in stored) else ""
    _load(
        model,
        {key.removeprefix(prefix): tensor for key, tensor in stored.items() if key.removeprefix(prefix) in own},
        path,
    )


def _read(path: Path) -> Any:
    if not path.is_file():
        raise WeightsError(f"there is no weight file '{path}'")
    suffix = path.suffix.lower()
    if suffix != ".safetensors" and suffix not in TORCH_SUFFIXES:
        known = " ".join((".safetensors", *TORCH_SUFFIXES))
        raise WeightsError(f"'{path}' has no known ending of a weight file; known: {known}")
    try:
        if suffix == ".safetensors":
            return load_file(path)
        _check_archive(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except WeightsError:
        raise
    except Exception as cause:  # zip, pickle and header errors alike; their texts span many lines
        raise WeightsError(
            f"'{path}' cannot be read ({type(cause).__name__}): only tensors are loaded, "
            f"from safetensors or from torch.save(model.state_dict(), ...)"
        ) from cause


def _check_archive(path: Path) -> None:
    """Refuse an archive that unpacks to more bytes than it has; torch packs nothing.

    Raises:
        WeightsError: it does.
    """
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(record.file_size for record in archive.infolist())
        if unpacked > path.stat().st_size:
            raise WeightsError(f"'{path}' is compressed, which torch.save never does; save the state dict again")


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    for container in _CONTAINERS:
        if isinstance(content, Mapping) and isinstance(content.get(container), Mapping):
            content = content[container]
    if not isinstance(content, Mapping):
        raise WeightsError(f"'{path}' holds {with_article(content)}; it must hold a state dict")
    others = [str(key) for key, value in content.items() if not isinstance(value, Tensor)]
    if others:
        raise WeightsError(f"'{path}' holds no state dict: not tensors are {_listed(others)}")
    strange = [f"{key} ({kind})" for key, value in content.items() if (kind := _strangeness(value))]
    if strange:
        raise WeightsError(
            f"'{path}' holds tensors that are not plain: {_listed(strange)}; save the state dict of the network in "
            "floating point, before it was quantised, pruned to sparse tensors or moved to another kind"
        )
    return {str(key): value for key, value in content.items()}


def _strangeness(tensor: Tensor) -> str:
    """What keeps a tensor from being copied into a parameter; empty where nothing does."""
    kinds = {
        "without values": tensor.is_meta,
        "nested": tensor.is_nested,
        "quantised": tensor.is_quantized,
        "sparse": not tensor.is_nested and tensor.layout is not torch.strided,
        type(tensor).__name__: type(tensor) not in (Tensor, nn.Parameter, nn.Buffer),
    }
    return next((kind for kind, applies in kinds.items() if applies), "")


def _named_as(own: Mapping[str, Any], stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """``stored`` under the model's own names, without what wrappers and a common prefix add to them."""
    names = {_bare(key): key for key in own}
    found = {names.get(_bare(key), key): tensor for key, tensor in stored.items()}
    if len(names) < len(own) or len(found) < len(stored):  # two names differ by nothing else
        return stored
    first = {key.partition(".")[0] for key in stored}
    if found.keys() & own.keys() or len(first) != 1 or not all("." in key for key in stored):
        return found
    shorter = _named_as(own, {key.partition(".")[2]: tensor for key, tensor in stored.items()})
    return shorter if shorter.keys() & own.keys() else found


def _bare(key: str) -> str:
    """A name without the parts that wrappers put in."""
    return ".".join(part for part in key.split(".") if part not in _WRAPPERS)


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
