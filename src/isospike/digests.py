"""Tensors in hashes."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor


class Digest(Protocol):
    """A hash that bytes are added to."""

    def update(self, data: bytes, /) -> None:
        """Add bytes."""


def add_tensor(digest: Digest, name: str, tensor: Tensor) -> None:
    """Add a tensor's name, type, shape and values."""
    digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}".encode())
    digest.update(tensor_bytes(tensor))


def tensor_bytes(tensor: Tensor) -> bytes:
    """The values of a tensor, in the order of its axes."""
    # a single element may have any stride
    plain = tensor.detach().cpu().reshape(-1).clone(memory_format=torch.contiguous_format)
    values: bytes = plain.view(torch.uint8).numpy().tobytes()
    return values
