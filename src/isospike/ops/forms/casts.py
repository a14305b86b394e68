"""Casts: the network computes in its own number format, so what only changes it goes."""

from __future__ import annotations

import torch
from torch import Tensor, fx

from isospike.ops.constants import is_cast
from isospike.ops.forms.rewriter import Rewriter, name_of

CHECKS = frozenset({"_assert_tensor_metadata", "_assert_async", "_assert_scalar"})
"""Calls that compute nothing and raise where the exporter's assumptions fail."""


def drop_casts(rewriter: Rewriter) -> None:
    """Casts from real numbers to real numbers, and what checks number formats, go."""
    for node in rewriter.calls:
        if name_of(node) in CHECKS:
            rewriter.drop(node)
        elif is_cast(node) and rewriter.varies(node.args[0]) and _is_real(node) and _is_real(node.args[0]):
            rewriter.replace(node, node.args[0])  # type: ignore[arg-type]


def coarsest(graph: fx.Graph) -> torch.dtype | None:
    """The real number format with the fewest digits that a model casts to; ``None`` where it casts to none."""
    formats = [node.meta["val"].dtype for node in graph.nodes if is_cast(node) and _is_real(node)]
    return max(formats, key=lambda dtype: torch.finfo(dtype).eps, default=None)


def _is_real(node: object) -> bool:
    value = node.meta.get("val") if isinstance(node, fx.Node) else None
    return isinstance(value, Tensor) and value.is_floating_point()
