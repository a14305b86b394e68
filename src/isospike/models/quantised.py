"""Files of quantised networks: the weights, and in the header what `quantise` needs to build the network again."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import nn

from isospike.activations import Activation, TrainableActivation, activations
from isospike.data.preprocess import Preprocess
from isospike.errors import IsospikeError, WeightsError
from isospike.graphs import Graph, Role, capture
from isospike.json_text import JsonError, parse_json
from isospike.quantisation import quantise
from isospike.replacing import replaceable
from isospike.sites import two_sided_sites
from isospike.tensor_files import TensorFileError, read_header, read_tensors, write_tensors

FORMAT = 1
LARGEST_INPUT = 2**26
"""Values of one input; an image in colour of 4,000 x 5,000 pixels has fewer."""
_KEY = "isospike-quantised"


def save_quantised(network: Graph, path: Path, *, preprocess: Preprocess | None = None) -> None:
    """Write a network made by `quantise`: safetensors with its state dict, its activations in the header.

    Raises:
        OutputError: the file cannot be written.
    """
    content = {
        "format": FORMAT,
        "input_shape": list(network.input_shape),
        "average_pools": not network.nodes_with(Role.MAX_POOL),
        "sites": {site: _describe(network.get_submodule(site)) for site in _trained(network)},
        "preprocess": None if preprocess is None else preprocess.to_dict(),
    }
    write_tensors(path, network.state_dict(), {_KEY: json.dumps(content)})


def is_quantised(path: Path) -> bool:
    """Whether a file was written by `save_quantised`."""
    return path.suffix == ".safetensors" and path.is_file() and _header(path) is not None


def load_quantised(model: nn.Module, path: Path) -> tuple[Graph, Preprocess | None]:
    """The trained network of a file, and how its images were prepared.

    Args:
        model: the network that was quantised, with any weights. It is not changed.
        path: a file of `save_quantised`; no code of it is run.

    Raises:
        WeightsError: the file is damaged or of another version, or the model is another one.
    """
    content = _header(path)
    if content is None or content.get("format") != FORMAT:
        raise WeightsError(f"'{path}' is no quantised network of this version of isospike")
    try:
        kinds = {site: _build(entry) for site, entry in content["sites"].items()}
        shape = content["input_shape"]
        if math.prod(shape) > LARGEST_INPUT:
            raise ValueError(f"its input has {math.prod(shape)} values")
        example = torch.randn(2, *shape, generator=torch.Generator().manual_seed(0))
        example = example.to(next(model.parameters(), example))
        graph = capture(model, example)
        replaced = {op.kind for op in graph.ops if op.name in kinds} & set(replaceable(graph))
        network = quantise(graph, kinds, average_pools=bool(content["average_pools"]), replace=sorted(replaced))
        network.load_state_dict(read_tensors(path))
        preprocess = content["preprocess"]
        return network, None if preprocess is None else Preprocess.from_dict(preprocess)
    except IsospikeError as error:
        raise WeightsError(f"'{path}' does not fit the model: {error}") from error
    except (RuntimeError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise WeightsError(f"'{path}' does not fit the model or is damaged: {' '.join(str(error).split())}") from error


def _trained(network: Graph) -> list[str]:
    kept = two_sided_sites(network)
    return [site for site in network.sites if site not in kept]


def _describe(module: nn.Module) -> dict[str, Any]:
    assert isinstance(module, TrainableActivation)
    return {"activation": module.activation.name, **asdict(module.activation)}


def _build(entry: dict[str, Any]) -> Activation:
    options = dict(entry)
    return activations[options.pop("activation")](**options)


def _header(path: Path) -> dict[str, Any] | None:
    try:
        content = parse_json(read_header(path).get(_KEY, "null"))
    except (TensorFileError, JsonError):
        return None
    return content if isinstance(content, dict) else None
