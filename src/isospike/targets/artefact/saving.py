"""One file for a spiking network: safetensors, with the graph and the method as versioned JSON in its header.

Loading runs no code from the file: its header is checked against a declared schema (`format.py`), modules come from a
closed table of kinds, calls from a closed table of ops, and the whole network passes a gate (`gate.py`) before a tensor
is used. The hash in the header covers the JSON and every tensor; it protects against damage and careless editing, and
is no signature.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from isospike.digests import add_tensor
from isospike.errors import ArtefactError, IsospikeError
from isospike.json_text import JsonError, parse_json
from isospike.messages import with_article
from isospike.network import SNN
from isospike.targets.artefact.build import build_network
from isospike.targets.artefact.format import FORMAT, VERSION, Header, checked
from isospike.targets.artefact.modules import describe_module
from isospike.targets.artefact.nodes import describe_node
from isospike.tensor_files import TensorFileError, read_tensor_file, write_tensors
from isospike.verbs import verbs


def save(snn: SNN, path: str | Path) -> None:
    """Write a network to one ``.snn`` file, beside the target first and then renamed.

    Raises:
        OutputError: the path cannot be written.
        ArtefactError: the network holds something that the format has no words for.
    """
    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in _tensors(snn).items()}
    header = {"format": FORMAT, "version": VERSION, **_describe(snn)}
    header["hash"] = _digest(header, tensors)
    write_tensors(path, tensors, {"isospike": json.dumps(header)})


verbs.register("save", save)


def load(path: str | Path) -> SNN:
    """Read a network from a ``.snn`` file; the network it came from is not needed.

    The file is read once, whole, so that what was checked is what is used.

    Raises:
        ArtefactError: no path, no such file, truncated, tampered with, of another version, or not a network that a
            conversion gives.
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
        return build_network(checked(header, Header), tensors)
    except IsospikeError as error:
        raise ArtefactError(f"{path} is not a valid network: {error}") from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Header and tensors of a file; of the header, format and version are checked."""
    if path.is_dir():
        raise ArtefactError(f"{path} is a folder; give the .snn file that isospike convert wrote")
    if not path.is_file():
        raise ArtefactError(f"{path} does not exist; make it with isospike convert ... --out {path.name}")
    try:
        metadata, tensors = read_tensor_file(path)
    except TensorFileError as error:
        raise ArtefactError(f"{path} is not a .snn file, or it is truncated: {error}") from error
    if "isospike" not in metadata:
        raise ArtefactError(f"{path} is not a .snn file but holds weights alone; give what isospike convert wrote")
    try:
        header = parse_json(metadata["isospike"])
    except JsonError as error:
        raise ArtefactError(f"{path} is not a .snn file: {error}") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT or type(header.get("version")) is not int:
        raise ArtefactError(f"{path} is not a .snn file: its header says neither format nor version")
    return header, tensors


def _describe(snn: SNN) -> dict[str, Any]:
    calls = [node for node in snn.stored_graph.graph.nodes if node.op == "call_module"]
    return {
        "nodes": [describe_node(node) for node in snn.stored_graph.graph.nodes],
        "modules": {str(node.target): describe_module(snn.stored_graph.module_of(node)) for node in calls},
        "calibrated": list(snn.times.calibrated),
        "readout": asdict(snn.times.readout),
        "provenance": asdict(snn.provenance),
        "preprocess": None if snn.preprocess is None else snn.preprocess.to_dict(),
        "task": snn.task.to_dict(),
    }


def _tensors(snn: SNN) -> dict[str, Tensor]:
    """Those of the graph, and under ``@steps/name`` those that replace some at a number of steps."""
    sets = {f"@{steps}/{name}": tensor for steps, own in snn.tensor_sets.items() for name, tensor in own.items()}
    return {**snn.stored_graph.state_dict(), **sets}


def _digest(header: dict[str, Any], tensors: dict[str, Tensor]) -> str:
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(tensors):
        add_tensor(digest, name, tensors[name])
    return digest.hexdigest()
