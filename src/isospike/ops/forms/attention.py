"""Attention in one call, as the products and the softmax that it is."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, fx

from isospike.errors import CaptureError
from isospike.ops.forms.rewriter import Rewriter, given, name_of

ATEN = torch.ops.aten


def raise_attention(rewriter: Rewriter) -> None:
    """``scaled_dot_product_attention(q, k, v)`` as ``softmax(q k^T scale + mask) v``.

    The scores are scaled behind the product, so that the spikes of queries and keys are those of the layers before.
    """
    for node in rewriter.calls:
        if name_of(node) == "scaled_dot_product_attention":
            rewriter.replace(node, _attended(rewriter, node, given(node)))


def _attended(rewriter: Rewriter, node: fx.Node, call: dict[str, Any]) -> fx.Node:
    q, k, v = (call[name] for name in ("query", "key", "value"))
    if call["enable_gqa"]:
        k, v = (_repeated(rewriter, node, x, like=q) for x in (k, v))
    keys = rewriter.call(node, ATEN.transpose.int, k, -2, -1)
    scale = call["scale"] if call["scale"] is not None else 1 / math.sqrt(int(q.meta["val"].shape[-1]))
    scores = rewriter.call(node, ATEN.mul.Tensor, rewriter.call(node, ATEN.matmul.default, q, keys), scale)
    scores = _masked(rewriter, node, scores, call)
    weights = rewriter.call(node, ATEN.softmax.int, scores, -1)
    return rewriter.call(node, ATEN.matmul.default, weights, v)


def _repeated(rewriter: Rewriter, node: fx.Node, x: fx.Node, *, like: fx.Node) -> fx.Node:
    """As many heads as the queries have, each of ``x`` several times."""
    times = int(like.meta["val"].shape[-3]) // int(x.meta["val"].shape[-3])
    return rewriter.call(node, ATEN.repeat_interleave.self_int, x, times, -3)


def _masked(rewriter: Rewriter, node: fx.Node, scores: fx.Node, call: dict[str, Any]) -> fx.Node:
    mask = call["attn_mask"]
    if call["is_causal"]:
        rows, columns = (int(size) for size in scores.meta["val"].shape[-2:])
        mask = rewriter.constant(node, _additive(torch.ones(rows, columns, dtype=torch.bool).tril()))
    elif isinstance(mask, fx.Node) and mask.meta["val"].dtype is torch.bool:
        known = rewriter.constant_of(mask)
        if known is None:
            return rewriter.call(node, ATEN.where.ScalarOther, mask, scores, -math.inf)
        mask = rewriter.constant(node, _additive(known))
    return scores if mask is None else rewriter.call(node, ATEN.add.Tensor, scores, mask)


def _additive(mask: Tensor) -> Tensor:
    """Zero where a mask is true, minus infinity elsewhere.

    Raises:
        CaptureError: it is false in a whole row, whose softmax is no number.
    """
    if not bool(mask.any(-1).all()):
        raise CaptureError(
            "an attention mask silences a whole row, whose softmax is not a number; let every query see one key, or "
            "leave the row out"
        )
    return torch.zeros(mask.shape).masked_fill(~mask, -math.inf)
