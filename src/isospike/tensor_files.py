"""Files of tensors: safetensors, with texts in the header. Reading one runs no code."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import torch
from msgspec import Meta, Struct
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from isospike.errors import OutputError
from isospike.files import replacing
from isospike.json_text import JsonError, parse_json
from isospike.messages import first_line

SIZES = {
    **{"BOOL": 1, "U8": 1, "I8": 1, "I16": 2, "I32": 4, "I64": 8},
    **{"F16": 2, "BF16": 2, "F32": 4, "F64": 8},
}
"""Bytes of a number by the name of its type. Torch computes with these everywhere; others are not read."""
LARGEST_HEADER = 2**24
"""Bytes in front of the tensors."""


class _Place(Struct, frozen=True, forbid_unknown_fields=True):
    """What the header says of one tensor."""

    dtype: Literal["BOOL", "U8", "I8", "I16", "I32", "I64", "F16", "BF16", "F32", "F64"]
    shape: Annotated[list[Annotated[int, Meta(ge=0, lt=2**31)]], Meta(max_length=8)]
    data_offsets: tuple[Annotated[int, Meta(ge=0)], Annotated[int, Meta(ge=0)]]


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
        with Path(path).open("rb") as file:
            length = file.read(8)
            return _header(length + file.read(min(int.from_bytes(length, "little"), LARGEST_HEADER)))[0]
    except OSError as error:
        raise TensorFileError(first_line(error)) from error


def read_tensors(path: str | Path) -> dict[str, Tensor]:
    """The tensors of a file, on the CPU, each of a type of `SIZES`.

    Raises:
        TensorFileError: it cannot be read, or holds a tensor of another type.
    """
    return read_tensor_file(path)[1]


def read_tensor_file(path: str | Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Texts and tensors of a file, which is read once, whole: what was checked is what is used.

    A file is a length of eight bytes, a header of JSON, and numbers, every byte of which belongs to one tensor. All of
    that is checked before the library that reads it sees the bytes. The tensors own their memory: what happens to the
    file later does not change them.

    Raises:
        TensorFileError: it cannot be read, is truncated, or is anything but that.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise TensorFileError(first_line(error)) from error
    texts, places = _header(raw)
    end = 0
    for name, place in sorted(places.items(), key=lambda pair: pair[1].data_offsets):
        start, stop = place.data_offsets
        if start != end or stop - start != math.prod(place.shape) * SIZES[place.dtype]:
            raise TensorFileError(f"the tensor {name!r:.80} does not lie where the header says")
        end = stop
    announced = 8 + int.from_bytes(raw[:8], "little") + end
    if announced != len(raw):
        raise TensorFileError(f"it has {len(raw)} bytes, its header announces {announced}")
    try:
        return texts, load(raw)
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise TensorFileError(first_line(error)) from error


def _header(raw: bytes) -> tuple[dict[str, str], dict[str, _Place]]:
    """The texts, and where the tensors lie."""
    length = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or length > min(LARGEST_HEADER, len(raw) - 8):
        raise TensorFileError(f"its {len(raw)} bytes do not hold the header that they announce")
    try:
        header: Any = parse_json(raw[8 : 8 + length])
        if not isinstance(header, dict):
            raise TensorFileError("its header is no JSON object")
        texts = msgspec.convert(header.pop("__metadata__", {}), dict[str, str])
        return texts, msgspec.convert(header, dict[str, _Place])
    except (JsonError, msgspec.ValidationError) as error:
        raise TensorFileError(first_line(error)) from error


def _plain(tensor: Tensor) -> Tensor:
    """A contiguous copy on the CPU with memory of its own."""
    return tensor.detach().to("cpu", copy=True).clone(memory_format=torch.contiguous_format)
