"""Which tensors of a graph differ from those of another."""

from __future__ import annotations

import torch
from torch import Tensor

from isospike.graphs.graph import Graph


def changed_tensors(base: Graph, other: Graph) -> dict[str, Tensor]:
    """The tensors of a graph that the same graph with other tensors lacks or has other values for, by name."""
    known = base.state_dict()
    return {
        name: tensor.detach()
        for name, tensor in other.state_dict().items()
        if name not in known or not same_values(known[name], tensor)
    }


def same_values(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors have the same shape and values."""
    return a is b or (a.shape == b.shape and torch.equal(a, b))
