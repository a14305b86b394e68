"""Casts: the network computes in its own number format, so what only changes it goes."""

from __future__ import annotations

import torch
from torch import Tensor, fx

from isospike.ops.constants import is_cast
from isospike.ops.forms.rewriter import Rewriter, name_of

CHECKS = frozenset({"_assert_tensor_metadata", "_assert_async", "_assert_scalar"})
"""Calls that compute nothing and raise where the exporter's assumptions fail."""


def drop_casts(rewriter: Rewriter) -> None:
    """Casts from real numbers to real numbers, and what checks number formats, go; a cast to whole numbers truncates.

    Whole numbers are then computed as real ones, which are exact up to ``2^24`` in float32. A cast to a format of fewer
    than 32 bits stays, and is refused: it wraps around.
    """
    for node in rewriter.calls:
        if name_of(node) in CHECKS:
            rewriter.drop(node)
        elif not is_cast(node) or not rewriter.varies(node.args[0]) or rewriter.is_of_tokens(node):
            continue
        elif _is_real(node) and (_is_real(node.args[0]) or _is_whole(node.args[0])):
            rewriter.replace(node, node.args[0])  # type: ignore[arg-type]
        elif _is_whole(node) and _is_real(node.args[0]):
            rewriter.replace(node, rewriter.call(node, torch.ops.aten.trunc.default, node.args[0]))


def coarsest(graph: fx.Graph) -> torch.dtype | None:
    """The real number format with the fewest digits that a model casts to; ``None`` where it casts to none."""
    formats = [node.meta["val"].dtype for node in graph.nodes if is_cast(node) and _is_real(node)]
    return max(formats, key=lambda dtype: torch.finfo(dtype).eps, default=None)


def _is_real(node: object) -> bool:
    value = node.meta.get("val") if isinstance(node, fx.Node) else None
    return isinstance(value, Tensor) and value.is_floating_point()


def _is_whole(node: object) -> bool:
    """Whether a computed value is of whole numbers that do not wrap around."""
    value = node.meta.get("val") if isinstance(node, fx.Node) and node.op == "call_function" else None
    return isinstance(value, Tensor) and value.dtype in (torch.int32, torch.int64)
