"""``torchvision:NAME``: any model of torchvision, untrained or as published, with its preprocessing."""

from __future__ import annotations

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from isospike.data.library import optional_library
from isospike.data.preprocess import Preprocess
from isospike.data.python_object import guarded
from isospike.errors import IsospikeError, ModelError, UnknownNameError, WeightsError
from isospike.models.loaded import RANDOM, Library, LoadedModel, sources

_HALF = (0.5, 0.5, 0.5)


def from_torchvision(name: str, pretrained: bool) -> LoadedModel:
    """Build the model ``name``; the preprocessing is that of its default weights.

    GoogLeNet and Inception v3 can rescale their input themselves. Here they do not; the same
    rescaling is in their preprocessing (mean and standard deviation 0.5).

    Args:
        name: the model.
        pretrained: load its default weights, from the cache or the network; else they are random.

    Raises:
        UnknownNameError: torchvision has no such model.
        ModelError: torchvision is not installed, or the model cannot be built.
        WeightsError: the weights are not in the cache and cannot be downloaded.
    """
    library = optional_library("torchvision.models", "torchvision", ModelError)
    if name not in library.list_models():
        raise UnknownNameError("torchvision model", name, library.list_models())
    rescales = name.removeprefix("quantized_") in ("googlenet", "inception_v3")
    published = library.get_model_weights(name).DEFAULT
    options: dict[str, Any] = {"weights": published if pretrained else None}
    if "weights_backbone" in inspect.signature(library.get_model_builder(name)).parameters:
        options["weights_backbone"] = None
    if rescales:
        options |= {"init_weights": False, "transform_input": False, "aux_logits": True}
    error: type[IsospikeError] = ModelError
    failed = f"torchvision:{name} cannot be built"
    if pretrained:
        failed, error = f"the weights of torchvision:{name} cannot be loaded; {_expected(published)}", WeightsError
    model = guarded(lambda: library.get_model(name, **options), failed, error)
    preprocess = _preprocess(published.transforms())
    if preprocess is not None and rescales:
        preprocess = replace(preprocess, mean=_HALF, std=_HALF)
    shape = None if preprocess is None else (1, 3, preprocess.size or 224, preprocess.size or 224)
    return LoadedModel(name, model, preprocess, shape, f"{published.name} of torchvision" if pretrained else RANDOM)


def _expected(published: Any) -> str:
    """Where the file of the weights is looked for before it is downloaded."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    return f"without a network put {Path(published.url).name} into {folder}, or give --weights FILE"


def _preprocess(transform: Any) -> Preprocess | None:
    """Of image classification and segmentation; detection, video and flow take other inputs."""
    if type(transform).__name__ not in ("ImageClassification", "SemanticSegmentation"):
        return None
    resized = transform.resize_size[0]
    size = transform.crop_size[0] if hasattr(transform, "crop_size") else resized
    return Preprocess(
        size=size,
        mean=tuple(transform.mean),
        std=tuple(transform.std),
        crop_ratio=size / resized,
        interpolation="bicubic" if transform.interpolation.value == "bicubic" else "bilinear",
    )


def _names() -> list[str]:
    names: list[str] = optional_library("torchvision.models", "torchvision", ModelError).list_models()
    return names


sources.register("torchvision", Library(from_torchvision, _names))
