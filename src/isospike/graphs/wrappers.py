"""What stands around a network for training or speed, and computes the same."""

from __future__ import annotations

from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel


def unwrapped(model: nn.Module) -> nn.Module:
    """The network inside of DataParallel, DistributedDataParallel and ``torch.compile``, whichever are around it."""
    inner = getattr(
        model, "_orig_mod", None
    )  # of torch.compile, whose class cannot be named without loading a compiler
    if inner is None and isinstance(model, DataParallel | DistributedDataParallel):
        inner = model.module
    return unwrapped(inner) if isinstance(inner, nn.Module) else model
