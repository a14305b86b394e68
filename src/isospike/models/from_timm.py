"""``timm:NAME``: any model of timm, untrained or with its published weights, with its published preprocessing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from isospike.data.library import optional_library
from isospike.data.preprocess import Preprocess
from isospike.data.python_object import guarded
from isospike.errors import ModelError, UnknownNameError, WeightsError
from isospike.models.loaded import RANDOM, Library, LoadedModel, sources


def from_timm(name: str, pretrained: bool) -> LoadedModel:
    """Build the model ``name``; a tag after a dot chooses the weights and the preprocessing.

    Args:
        name: the model.
        pretrained: load its published weights, from the cache or the network; else they are random.

    Raises:
        UnknownNameError: timm has no such model, or the model no such tag.
        ModelError: timm is not installed, or the model cannot be built.
        WeightsError: there are no such weights, or they are not in the cache and cannot be downloaded.
    """
    library = optional_library("timm", "timm", ModelError)
    if not library.is_model(name):
        raise UnknownNameError("timm model", name, library.list_models())
    try:
        library.get_pretrained_cfg(name)
    except RuntimeError as error:  # the part behind the dot is no tag of this architecture
        raise UnknownNameError("timm model", name, library.list_pretrained(f"{name.partition('.')[0]}.*")) from error
    build = f"timm:{name} cannot be built"
    model = guarded(lambda: library.create_model(name, pretrained=False), build, ModelError)
    config: dict[str, Any] = model.pretrained_cfg
    weights = RANDOM
    if pretrained:
        model, weights = _pretrained(library, name, config), f"{config.get('tag') or 'default'} of timm"
    shape = config.get("input_size")
    return LoadedModel(name, model, _preprocess(config), None if shape is None else (1, *shape), weights)


def _pretrained(library: Any, name: str, config: dict[str, Any]) -> nn.Module:
    """The model with its published weights; timm reads tensors alone.

    Raises:
        WeightsError: there are none, or they are not in the cache and cannot be downloaded.
    """
    if not config.get("hf_hub_id") and not config.get("url"):
        raise WeightsError(f"timm publishes no weights for '{name}'; give --weights FILE")
    expected = _expected(config)
    failed = f"the weights of timm:{name} cannot be loaded; {expected}, or give --weights FILE"
    model: nn.Module = guarded(lambda: library.create_model(name, pretrained=True), failed, WeightsError)
    return model


def _expected(config: dict[str, Any]) -> str:
    """Where the weights are looked for before they are downloaded."""
    hub = config.get("hf_hub_id")
    if not hub:
        return f"without a network put {Path(config['url']).name} into {Path(torch.hub.get_dir()) / 'checkpoints'}"
    constants = optional_library("huggingface_hub.constants", "huggingface_hub", WeightsError)
    folder = Path(constants.HF_HUB_CACHE) / f"models--{hub.replace('/', '--')}"
    return f"without a network copy {hub} of Hugging Face into {folder}"


def _preprocess(config: dict[str, Any]) -> Preprocess | None:
    shape, mean, std = config.get("input_size"), config.get("mean"), config.get("std")
    if shape is None or mean is None or std is None or shape[1] != shape[2]:
        return None
    return Preprocess(
        size=shape[1],
        mean=tuple(mean),
        std=tuple(std),
        crop_ratio=config.get("crop_pct") or 1.0,
        interpolation="bicubic" if config.get("interpolation") == "bicubic" else "bilinear",
    )


def _names() -> list[str]:
    names: list[str] = optional_library("timm", "timm", ModelError).list_models()
    return names


sources.register("timm", Library(from_timm, _names))
