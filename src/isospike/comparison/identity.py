"""What results belong to: hashes of the network and of the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor

from isospike.digests import add_tensor
from isospike.graphs.graph import Graph
from isospike.inputs import Inputs, each
from isospike.results import Stored
from isospike.targets.artefact.modules import describe_module
from isospike.targets.artefact.nodes import describe_node


@dataclass(frozen=True)
class Identity(Stored):
    """Results of one identity may stand in one table."""

    model: str
    """Hash of the captured and folded network: structure and weights."""
    calibration: str
    """Hash of all calibration images, in order."""
    test: str
    """Hash of all test images and labels, in order."""
    version: str
    """Version of isospike."""


def graph_digest(graph: Graph) -> str:
    """Hash of a network's structure and tensors; where in the user's code an op stands does not count."""
    digest = hashlib.sha256()
    for node in graph.graph.nodes:
        described = describe_node(node)
        module = describe_module(graph.module_of(node)) if node.op == "call_module" else None
        parts = [described[key] for key in ("name", "op", "target", "args", "kwargs")]
        digest.update(json.dumps([*parts, module], default=str).encode())
    for name, tensor in sorted(graph.state_dict().items()):
        add_tensor(digest, name, tensor)
    return digest.hexdigest()


def image_digests(inputs: Inputs) -> list[bytes]:
    """A hash of every sample of a batch ``[B, ...]``; of several inputs that of all of them."""
    of_each = [_digests(tensor) for tensor in each(inputs).values()]
    return of_each[0] if len(of_each) == 1 else [b"".join(sample) for sample in zip(*of_each, strict=True)]


def _digests(inputs: Tensor) -> list[bytes]:
    images = inputs.detach().cpu().contiguous()
    shape = f"{images.dtype} {list(images.shape[1:])}".encode()
    flat = images.flatten(1).numpy() if images.dim() > 1 else images[:, None].numpy()
    return [hashlib.blake2b(row.tobytes(), digest_size=16, key=shape[:64]).digest() for row in flat]


def data_digest(images: Iterable[bytes]) -> str:
    """Hash of a sequence of images."""
    return hashlib.sha256(b"".join(images)).hexdigest()
