"""Files of tensors: safetensors, with texts in the header. Reading one runs no code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from isospike.errors import OutputError
from isospike.files import replacing
from isospike.messages import first_line

TYPES = frozenset(
    {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
    | {torch.float16, torch.bfloat16, torch.float32, torch.float64}
)
"""Types that torch computes with everywhere; what isospike writes has no others."""


class TensorFileError(ValueError):
    """A file is no safetensors file, or it is damaged; the message is one line."""


def write_tensors(path: str | Path, tensors: Mapping[str, Tensor], header: Mapping[str, str]) -> None:
    """Write tensors and texts to one file, beside the target first and then renamed.

    Tensors may lie on any device, share memory and have any strides; the file holds a copy of each.

    Raises:
        OutputError: the file cannot be written, for example on a full disk; what the path held before stays.
    """
    copies = {name: _plain(tensor) for name, tensor in tensors.items()}
    with replacing(path) as part:
        try:
            save_file(copies, part, metadata=dict(header))
        except SafetensorError as error:
            raise OutputError(f"cannot write {path}: {first_line(error)}") from error


def read_header(path: str | Path) -> dict[str, str]:
    """The texts in the header of a file.

    Raises:
        TensorFileError: it cannot be read.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError, ValueError) as error:
        raise TensorFileError(first_line(error)) from error


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file, on the CPU, each of one of `TYPES`.

    Raises:
        TensorFileError: it cannot be read, or holds a tensor of another type.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (not a mapping)
    except (OSError, SafetensorError, ValueError, AttributeError) as error:  # the last: a type that torch lacks
        raise TensorFileError(first_line(error)) from error
    for name, tensor in tensors.items():
        if tensor.dtype not in TYPES:
            raise TensorFileError(f"tensor {name!r:.80} is of type {tensor.dtype}")
    return tensors


def _plain(tensor: Tensor) -> Tensor:
    """A contiguous copy on the CPU with memory of its own."""
    return tensor.detach().to("cpu", copy=True).clone(memory_format=torch.contiguous_format)
