"""``timm:NAME``: any model of timm, untrained, with its published preprocessing."""

from __future__ import annotations

from typing import Any

from isospike.data.library import optional_library
from isospike.data.preprocess import Preprocess
from isospike.data.python_object import guarded
from isospike.errors import ModelError, UnknownNameError
from isospike.models.loaded import LoadedModel, sources


def from_timm(name: str) -> LoadedModel:
    """Build the model ``name`` without weights; a tag after a dot chooses the preprocessing.

    Raises:
        UnknownNameError: timm has no such model, or the model no such tag.
        ModelError: timm is not installed, or the model cannot be built.
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
    shape = config.get("input_size")
    return LoadedModel(name, model, _preprocess(config), None if shape is None else (1, *shape))


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


sources.register("timm", from_timm)
