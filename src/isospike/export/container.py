"""Reading the bytes of a safetensors file that may be hostile: what goes to the library's own reader was checked."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from isospike.json_text import JsonError, parse_json
from isospike.messages import first_line

LARGEST_HEADER = 2**26
"""Bytes in front of the tensors."""
BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "BOOL": 1}
"""Size of a number by the name of its type; others are not read."""


class ContainerError(Exception):
    """The bytes are no file of tensors that isospike writes; one line."""


class _Entry(Struct, frozen=True, forbid_unknown_fields=True):
    """Where a tensor lies behind the header."""

    dtype: Literal["F64", "F32", "F16", "BF16", "I64", "I32", "BOOL"]
    shape: Annotated[list[Annotated[int, Meta(ge=0, lt=2**31)]], Meta(max_length=8)]
    data_offsets: tuple[Annotated[int, Meta(ge=0)], Annotated[int, Meta(ge=0)]]


def read_tensors(raw: bytes) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a whole file, which own their memory.

    The header is a length of eight bytes and JSON; every byte behind it belongs to one tensor.

    Raises:
        ContainerError: truncated, or anything but that.
    """
    metadata, entries = _header(raw)
    length = 8 + int.from_bytes(raw[:8], "little")
    end = 0
    for name, entry in sorted(entries.items(), key=lambda pair: pair[1].data_offsets):
        start, stop = entry.data_offsets
        if start != end or stop - start != math.prod(entry.shape) * BYTES[entry.dtype]:
            raise ContainerError(f"the tensor {name:.80} does not lie where its header says")
        end = stop
    if length + end != len(raw):
        raise ContainerError(f"the file has {len(raw)} bytes, its header speaks of {length + end}")
    try:
        return metadata, load(raw)
    except (SafetensorError, ValueError, RuntimeError) as error:
        raise ContainerError(first_line(error)) from error


def _header(raw: bytes) -> tuple[dict[str, str], dict[str, _Entry]]:
    length = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or length > min(LARGEST_HEADER, len(raw) - 8):
        raise ContainerError(f"its {len(raw)} bytes do not hold the header that they announce")
    try:
        header: Any = parse_json(raw[8 : 8 + length])
        if not isinstance(header, dict):
            raise ContainerError("its header is no JSON object")
        metadata = msgspec.convert(header.pop("__metadata__", {}), dict[str, str])
        return metadata, msgspec.convert(header, dict[str, _Entry])
    except (JsonError, msgspec.ValidationError) as error:
        raise ContainerError(first_line(error)) from error
