"""One file for a spiking network: safetensors, with the graph and the method as versioned JSON in its header.

Loading runs no code from the file: modules come from a closed set of kinds, calls from a closed table of ops. The
hash in the header covers the JSON and every tensor; it protects against damage and careless editing, and is no
signature.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, fx, nn

from isospike.capture.graph import Graph, attach
from isospike.data.preprocess import Preprocess
from isospike.digests import add_tensor
from isospike.errors import ArtefactError, IsospikeError
from isospike.export.modules import build_module, describe_module
from isospike.export.nodes import build_node, describe_node
from isospike.messages import first_line, one_line, with_article
from isospike.simulate.readout import ReadOut
from isospike.simulate.run import is_whole
from isospike.tensor_files import write_tensors

if TYPE_CHECKING:
    from isospike.network import SNN

FORMAT = "isospike.snn"
VERSION = 4


def save(snn: SNN, path: str | Path) -> None:
    """Write a network to one ``.snn`` file, beside the target first and then renamed.

    Raises:
        OutputError: the path cannot be written.
        ArtefactError: the network holds something that the format has no words for.
    """
    everything = {**snn.graph.state_dict(), **_tensors_of_sets(snn)}
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in everything.items()}
    header = {"format": FORMAT, "version": VERSION, **_describe(snn)}
    header["hash"] = _digest(header, tensors)
    write_tensors(path, tensors, {"isospike": json.dumps(header)})


def load(path: str | Path) -> SNN:
    """Read a network from a ``.snn`` file; the network it came from is not needed.

    Raises:
        ArtefactError: no path, no such file, truncated, tampered with, or of a newer version.
    """
    if not isinstance(path, str | os.PathLike):
        raise ArtefactError(f"the path is {with_article(path)}; give the .snn file that isospike convert wrote")
    header, tensors = _read(Path(path))
    if header["version"] > VERSION:
        raise ArtefactError(
            f"{path} has format version {header['version']}, this isospike reads up to {VERSION}; upgrade isospike"
        )
    if header["version"] < VERSION:
        raise ArtefactError(f"{path} has format version {header['version']} of before the first release; convert again")
    if _digest({k: v for k, v in header.items() if k != "hash"}, tensors) != header.get("hash"):
        raise ArtefactError(f"{path} was changed after it was written (its hash does not match); convert again")
    try:
        return _build(header, tensors)
    except ArtefactError as error:
        raise ArtefactError(f"{path} is not a valid network: {error}") from error
    except (IsospikeError, KeyError, TypeError, ValueError, RuntimeError, AttributeError) as error:
        raise ArtefactError(f"{path} is not a valid network: {one_line(error)}") from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    if path.is_dir():
        raise ArtefactError(f"{path} is a folder; give the .snn file that isospike convert wrote")
    if not path.is_file():
        raise ArtefactError(f"{path} does not exist; make it with isospike convert ... --out {path.name}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if "isospike" not in metadata:
                raise ArtefactError(
                    f"{path} is not a .snn file but holds weights alone; give what isospike convert wrote"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        header = json.loads(metadata["isospike"])
        if header["format"] != FORMAT or not isinstance(header["version"], int):
            raise KeyError("format")
    except (SafetensorError, KeyError, TypeError, ValueError, OSError) as error:
        raise ArtefactError(f"{path} is not a .snn file, or it is truncated: {first_line(error)}") from error
    return header, tensors


def _describe(snn: SNN) -> dict[str, Any]:
    calls = [node for node in snn.graph.graph.nodes if node.op == "call_module"]
    return {
        "nodes": [describe_node(node) for node in snn.graph.graph.nodes],
        "modules": {str(node.target): describe_module(snn.graph.module_of(node)) for node in calls},
        "calibrated": list(snn.calibrated),
        "readout": asdict(snn.readout),
        "provenance": asdict(snn.provenance),
        "preprocess": None if snn.preprocess is None else snn.preprocess.to_dict(),
    }


def _tensors_of_sets(snn: SNN) -> dict[str, Tensor]:
    """The tensors that replace others at each number of steps, under ``@steps/name``."""
    return {f"@{steps}/{name}": tensor for steps in snn.calibrated for name, tensor in snn.set_for(steps).items()}


def _take_sets(calibrated: list[int], tensors: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """Take those tensors out of all of a file.

    Raises:
        ArtefactError: a number of steps is none.
    """
    if not all(is_whole(steps) and steps >= 1 for steps in calibrated):
        raise ArtefactError(f"it is calibrated for {calibrated}, which are no numbers of steps")
    sets: dict[int, dict[str, Tensor]] = {steps: {} for steps in calibrated}
    for key in [key for key in tensors if key.startswith("@")]:
        steps, _, name = key[1:].partition("/")
        sets[int(steps)][name] = tensors.pop(key)
    return sets


def _build(header: dict[str, Any], tensors: dict[str, Tensor]) -> SNN:
    from isospike.network import SNN, Provenance

    root, graph, known = nn.Module(), fx.Graph(), dict[str, fx.Node]()
    for name, description in header["modules"].items():
        attach(root, name, build_module(description))
    for description in header["nodes"]:
        build_node(graph, description, known)
    if not any(node.op == "output" for node in known.values()):
        raise ArtefactError("the file's graph has no output")
    for node in known.values():
        if node.op == "get_attr":
            attach(root, str(node.target), torch.empty(()))
    graph.lint()
    network = Graph(root, graph)
    sets = _take_sets(header["calibrated"], tensors)
    _fill(network, tensors)
    _check_sets(network, sets)
    provenance = header["provenance"]
    return SNN(
        network,
        readout=ReadOut(**header["readout"]),
        provenance=Provenance(
            provenance["method"], provenance["options"], tuple(provenance["papers"]), dict(provenance["silent"])
        ),
        preprocess=None if header["preprocess"] is None else Preprocess.from_dict(header["preprocess"]),
        sets=sets,
    )


def _fill(network: Graph, tensors: dict[str, Tensor]) -> None:
    """Tensors under their names, exactly those that the graph has; a tensor brings its own shape."""
    expected = set(network.state_dict())
    if expected != set(tensors):
        raise ArtefactError(f"the tensors do not match the graph: {sorted(expected ^ set(tensors))[:5]}")
    types = {tensor.dtype for tensor in tensors.values() if tensor.is_floating_point()}
    if len(types) > 1:
        raise ArtefactError(f"its tensors are of several types: {', '.join(sorted(map(str, types)))}")
    for name, tensor in tensors.items():
        if tensor.isnan().any():
            raise ArtefactError(f"{name} holds values that are no numbers")
        owner, _, leaf = name.rpartition(".")
        module = network.get_submodule(owner)
        old = getattr(module, leaf)
        setattr(module, leaf, nn.Parameter(tensor) if isinstance(old, nn.Parameter) else tensor)


def _check_sets(network: Graph, sets: dict[int, dict[str, Tensor]]) -> None:
    """Tensors of a number of steps stand for some of the graph; the neurons' own may have other shapes."""
    wide = next((buffer.dtype for buffer in network.buffers() if buffer.is_floating_point()), None)
    for steps, tensors in sets.items():
        for name, tensor in tensors.items():
            path, _, leaf = name.rpartition(".")
            owner = dict(network.named_modules()).get(path, nn.Module())
            if leaf not in {**owner._parameters, **owner._buffers}:
                raise ArtefactError(f"the tensor {name} of {steps} steps stands for none of the graph")
            old = owner._parameters.get(leaf)
            if tensor.dtype != wide or tensor.isnan().any() or (old is not None and old.shape != tensor.shape):
                raise ArtefactError(f"the tensor {name} of {steps} steps does not fit the graph")


def _digest(header: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        add_tensor(digest, name, tensors[name])
    return digest.hexdigest()
