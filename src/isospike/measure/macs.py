"""How many multiply-accumulates a network does."""

from __future__ import annotations

from collections.abc import Container

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode


def count_macs(model: nn.Module, example: Tensor) -> dict[str, int]:
    """Multiply-accumulates of convolutions and matrix products for one sample, per module that does any.

    A module counts what it computes itself, not what its children do; calls of one module count together.

    Args:
        model: any network in eval mode, or a captured graph.
        example: a batch ``[B, ...]``; its first sample is run.
    """
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(example[:1])
    own = {path: sum(ops.values()) for path, ops in counter.get_flop_counts().items() if path != "Global"}
    for path, flops in list(own.items()):
        parent = _called_parent(path, own)
        if parent:
            own[parent] -= flops
    root = type(model).__name__
    return {path.removeprefix(root).removeprefix("."): flops // 2 for path, flops in own.items() if flops}


def _called_parent(path: str, called: Container[str]) -> str:
    """The nearest module above that was called itself; containers of modules are not."""
    parent = path.rpartition(".")[0]
    return parent if not parent or parent in called else _called_parent(parent, called)
