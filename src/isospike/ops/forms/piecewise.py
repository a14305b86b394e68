"""Piecewise linear functions that are a site and maps before and behind it."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from isospike.ops.forms.rewriter import Rewriter, is_same, name_of

ATEN = torch.ops.aten


def raise_piecewise(rewriter: Rewriter) -> None:
    """``hardsigmoid(x) = hardtanh(x + 3, 0, 6) / 6``; the exporter's ``where`` of a soft shrinkage as that again."""
    for node in rewriter.calls:
        if name_of(node) == "hardsigmoid" and rewriter.varies(node):
            shifted = rewriter.call(node, ATEN.add.Tensor, node.args[0], 3.0)
            clipped = rewriter.call(node, ATEN.hardtanh.default, shifted, 0.0, 6.0)
            rewriter.replace(node, rewriter.call(node, ATEN.div.Tensor, clipped, 6.0))
        elif name_of(node) == "where" and (found := _shrunk(*node.args)) is not None:
            rewriter.replace(node, rewriter.call(node, ATEN.softshrink.default, *found))


def _shrunk(test: Any, kept: Any, other: Any) -> tuple[fx.Node, float] | None:
    """The ``x`` and the ``l`` of ``where(|x| > l, x - l sign(x), 0 x)``."""
    if name_of(test) != "gt" or name_of(test.args[0]) != "abs" or name_of(kept) != "sub" or name_of(other) != "mul":
        return None
    x, edge = test.args[0].args[0], test.args[1]
    part = kept.args[1]
    is_step = name_of(part) == "mul" and name_of(part.args[0]) == "sign" and is_same(part.args[0].args[0], x)
    fits = is_step and part.args[1] == edge and is_same(kept.args[0], x) and not kept.kwargs
    zero = is_same(other.args[0], x) and isinstance(other.args[1], (int, float)) and other.args[1] == 0
    return (x, edge) if fits and zero and isinstance(edge, (int, float)) else None
