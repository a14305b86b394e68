"""How a kernel becomes an operator of torch: one name, an implementation for each device, chosen by dispatch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

NAMESPACE = "isospike"
_fragment = torch.library.Library(NAMESPACE, "FRAGMENT")


def operator(
    schema: str, *, torch_twin: Callable[..., Any], cpu: Callable[..., Any], shapes: Callable[..., Any]
) -> Callable[..., Any]:
    """Declare an operator ``torch.ops.isospike.NAME`` and give what calls it.

    A further device is one more ``torch.library.impl`` for its key; whoever calls the operator does not change.

    Args:
        schema: name, arguments and results, as `torch.library.Library.define` takes them.
        torch_twin: what computes on every device that has no kernel of its own.
        cpu: what computes on the processor; it takes its refuge in the twin where there are no compiled kernels.
        shapes: results without values, for tensors without any.
    """
    name = _fragment.define(schema)
    _fragment.impl(name, torch_twin, "CompositeExplicitAutograd")
    _fragment.impl(name, cpu, "CPU")
    torch.library.register_fake(f"{NAMESPACE}::{name}", shapes, lib=_fragment)
    overload: Callable[..., Any] = getattr(torch.ops.isospike, name).default
    return overload
