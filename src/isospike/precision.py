"""Answers do not depend on what surrounds a call: everything is computed in the network's own precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

_DEVICES = ("cpu", "cuda", "mps", "xpu")


@contextmanager
def own_precision() -> Iterator[None]:
    """Compute in the types that tensors have, inside a ``torch.autocast`` of the caller too.

    Autocast would round the operands of layers to 8 or 11 significant bits: thresholds, codes and spikes would be those
    of another network. Every function that captures, calibrates or runs one is decorated with this.
    """
    with ExitStack() as stack:
        for device in filter(torch.is_autocast_enabled, _DEVICES):
            stack.enter_context(torch.autocast(device, enabled=False))
        yield
