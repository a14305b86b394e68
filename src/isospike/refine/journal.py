"""What a long refinement has done, kept in a file to go on from there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from torch import Tensor

from isospike.digests import add_tensor
from isospike.errors import CalibrationError
from isospike.graphs.graph import Graph
from isospike.inputs import Inputs, each
from isospike.tensor_files import TensorFileError, read_header, read_tensors, write_tensors

_KEY = "isospike-calibration"


class Journal:
    """Tensors by name in one safetensors file, written again whenever one is added.

    The file holds the work of several numbers of steps; names start with the digest of what the work began with.

    Args:
        path: the file; without one nothing is kept.
        start: the network before the refinement.
        batches: the images that it works on.
        configuration: what the refinement was asked for.

    Raises:
        CalibrationError: the file is no such file.
    """

    def __init__(self, path: Path | None, start: Graph, batches: Iterable[Inputs], configuration: str) -> None:
        self.path = path
        self.prefix = "" if path is None else _digest(start, batches, configuration)
        self.tensors = {} if path is None or not path.exists() else _read(path)

    def get(self, name: str) -> Tensor | None:
        """A tensor that was kept."""
        return self.tensors.get(f"{self.prefix}/{name}")

    def keep(self, tensors: dict[str, Tensor]) -> None:
        """Add tensors and write the file."""
        self.tensors |= {f"{self.prefix}/{name}": tensor.detach().cpu() for name, tensor in tensors.items()}
        if self.path is not None:
            write_tensors(self.path, self.tensors, {_KEY: "1"})


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if _KEY in read_header(path):
            return read_tensors(path)
    except TensorFileError as error:
        raise CalibrationError(f"{path} cannot be read as a calibration checkpoint: {error}") from error
    raise CalibrationError(f"{path} is not a calibration checkpoint; give another file")


def _digest(graph: Graph, batches: Iterable[Inputs], configuration: str) -> str:
    digest = hashlib.sha256(configuration.encode())
    for inputs in batches:
        for name, tensor in each(inputs).items():
            add_tensor(digest, f"inputs{name}", tensor)
    for name, tensor in graph.state_dict().items():
        add_tensor(digest, name, tensor)
    return digest.hexdigest()[:16]
