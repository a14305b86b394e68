"""``transformers:FOLDER``: a language model that Hugging Face's library saved, with its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from torch import nn

from isospike.data.library import optional_library
from isospike.data.python_object import guarded
from isospike.errors import IsospikeError, ModelError
from isospike.json_text import JsonError, parse_json
from isospike.models.bert import BertClassifier, BertEmbedding, BertEncoder, BertSizes
from isospike.models.loaded import Library, LoadedModel, sources
from isospike.models.weights import load_known_weights

POOLING = Path("1_Pooling", "config.json")
"""Where a folder of sentence-transformers says how tokens become one vector."""


def from_transformers(folder: str, published: bool) -> LoadedModel:
    """The network of ``config.json`` with the weights of ``model.safetensors``.

    It takes ``input_ids`` and ``attention_mask``. BERT is built here: an encoder, whose answer is the mean over tokens
    where a folder of sentence-transformers asks for that, or a classifier of texts. Any other network needs the package
    ``transformers``.

    Args:
        folder: with both files.
        published: nothing else: the weights are those of the folder.

    Raises:
        ModelError: there is no such folder, it has no readable ``config.json``, or the network cannot be built.
        WeightsError: the weights are missing or do not fit.
    """
    place = Path(folder)
    config = _json(place / "config.json")
    model = _bert(config, place)
    if model is None:
        model = _by_library(config, place)
    else:
        load_known_weights(model, place / "model.safetensors")
    return LoadedModel(place.name, model, preprocess=None, example_shape=None, weights=str(place))


def _json(path: Path) -> dict[str, Any]:
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"there is no file '{path}'; write transformers:FOLDER with config.json in it") from error
    except (JsonError, UnicodeDecodeError) as error:
        raise ModelError(f"'{path}' is no JSON; save the model again with save_pretrained") from error
    if not isinstance(found, dict):
        raise ModelError(f"'{path}' holds no object of options; save the model again with save_pretrained")
    return found


def _bert(config: Mapping[str, Any], place: Path) -> nn.Module | None:
    """A plain BERT where the folder holds one; ``None`` for other networks."""
    kind = (config.get("architectures") or [""])[0]
    absolute = config.get("position_embedding_type", "absolute") == "absolute"
    if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu" or not absolute:
        return None
    sizes = _sizes(config, place)
    if kind == "BertForSequenceClassification":
        return BertClassifier(sizes, len(config.get("id2label") or (0, 1)))
    if kind != "BertModel":
        return None
    pooled = (place / POOLING).is_file() and _json(place / POOLING).get("pooling_mode_mean_tokens")
    return BertEmbedding(sizes) if pooled else BertEncoder(sizes)


def _sizes(config: Mapping[str, Any], place: Path) -> BertSizes:
    given = {field.name: config[field.name] for field in fields(BertSizes) if field.name in config}
    try:
        return BertSizes(**given)
    except (TypeError, IsospikeError) as error:
        raise ModelError(f"'{place / 'config.json'}' describes no BERT: {error}") from error


def _by_library(config: Mapping[str, Any], place: Path) -> nn.Module:
    library = optional_library("transformers", "transformers", ModelError)
    kind = (config.get("architectures") or ["AutoModel"])[0]
    build = getattr(library, kind, library.AutoModel)
    failed = f"transformers:{place} cannot be loaded"
    model: nn.Module = guarded(lambda: build.from_pretrained(place, local_files_only=True), failed, ModelError)
    return model


def _names() -> list[str]:
    """None: folders have no list."""
    return []


sources.register("transformers", Library(from_transformers, _names))
