"""``torchvision:NAME``: any model of torchvision, untrained, with its published preprocessing."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

from isospike.data.library import optional_library
from isospike.data.preprocess import Preprocess
from isospike.data.python_object import guarded
from isospike.errors import ModelError, UnknownNameError
from isospike.models.loaded import LoadedModel, sources

_HALF = (0.5, 0.5, 0.5)


def from_torchvision(name: str) -> LoadedModel:
    """Build the model ``name`` without weights; the preprocessing is that of its default weights.

    GoogLeNet and Inception v3 can rescale their input themselves. Here they do not; the same
    rescaling is in their preprocessing (mean and standard deviation 0.5).

    Raises:
        UnknownNameError: torchvision has no such model.
        ModelError: torchvision is not installed, or the model cannot be built.
    """
    library = optional_library("torchvision.models", "torchvision", ModelError)
    if name not in library.list_models():
        raise UnknownNameError("torchvision model", name, library.list_models())
    rescales = name.removeprefix("quantized_") in ("googlenet", "inception_v3")
    options: dict[str, Any] = {"weights": None}
    if "weights_backbone" in inspect.signature(library.get_model_builder(name)).parameters:
        options["weights_backbone"] = None
    if rescales:
        options |= {"init_weights": False, "transform_input": False, "aux_logits": True}
    build = f"torchvision:{name} cannot be built"
    model = guarded(lambda: library.get_model(name, **options), build, ModelError)
    preprocess = _preprocess(library.get_model_weights(name).DEFAULT.transforms())
    if preprocess is not None and rescales:
        preprocess = replace(preprocess, mean=_HALF, std=_HALF)
    shape = None if preprocess is None else (1, 3, preprocess.size or 224, preprocess.size or 224)
    return LoadedModel(name, model, preprocess, shape)


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


sources.register("torchvision", from_torchvision)
