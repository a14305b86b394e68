"""Whole numbers among the inputs, tokens and masks, up to where they become real numbers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from isospike.ops.constants import is_cast
from isospike.ops.forms.casts import CHECKS
from isospike.ops.forms.rewriter import Rewriter, given, name_of
from isospike.ops.registry import table

ATEN = torch.ops.aten


def raise_tokens(rewriter: Rewriter) -> None:
    """Casts as products with one, choices between numbers as choices between constants.

    What is computed from whole numbers of the input alone is the same at every step; it stays as it is, and becomes
    real by an embedding, a product or a choice, which take the format of the network's own numbers.
    """
    for node in rewriter.calls:
        if name_of(node) in CHECKS:
            rewriter.drop(node)
            continue
        if node in rewriter.constants or rewriter.constants.fold(node):
            continue
        if name_of(node) == "copy" and rewriter.varies(node) and _fits(node):
            rewriter.replace(node, given(node)["src"])
        elif rewriter.is_of_tokens(node):
            rewriter.look_again(node)
            if is_cast(node):
                rewriter.replace(node, _cast(rewriter, node))
            elif name_of(node) in ("where", "masked_fill"):
                rewriter.replace(node, _chosen(rewriter, node))
            elif name_of(node) == "gather" and _is_one_number(rewriter, node.args[0]):
                number = rewriter.constants[node.args[0]].flatten()[0].item()  # type: ignore[index]
                rewriter.replace(node, rewriter.call(node, ATEN.full_like.default, node.args[2], number))
        elif rewriter.varies(node):
            _read_as_real(rewriter, node)


def _read_as_real(rewriter: Rewriter, node: fx.Node) -> None:
    """Give an op that reads tokens beside real numbers real ones, where it does not take them as what they are."""
    record, dtype = table.aten(name_of(node)), node.meta["val"].dtype if isinstance(node.meta["val"], Tensor) else None
    if record is None or dtype is None or not dtype.is_floating_point:
        return
    whole = given(node).get(record.whole)
    for source in node.all_input_nodes:
        if source is not whole and rewriter.is_token(source):
            node.replace_input_with(source, _with_format(rewriter, node, source, dtype))


def _fits(node: fx.Node) -> bool:
    """Whether a copy over a value has as many numbers as that, and real ones."""
    source: Any = given(node)["src"].meta["val"]
    return bool(source.shape == node.meta["val"].shape and source.dtype is node.meta["val"].dtype)


def _is_one_number(rewriter: Rewriter, table: Any) -> bool:
    """Whether all entries of a table are the same, wherever it is read."""
    known = rewriter.constant_of(table)
    return known is not None and known.numel() > 0 and bool((known == known.flatten()[0]).all())


def _cast(rewriter: Rewriter, node: fx.Node) -> fx.Node:
    source: Any = node.args[0]
    dtype = torch.int64 if _is_counted(node.meta["val"].dtype) else node.meta["val"].dtype
    if dtype is source.meta["val"].dtype or (_is_counted(dtype) and _is_counted(source.meta["val"].dtype)):
        return source  # type: ignore[no-any-return]
    if dtype is torch.bool:
        return rewriter.call(node, ATEN.ne.Scalar, source, 0)
    return _with_format(rewriter, node, source, dtype)


def _is_counted(dtype: torch.dtype) -> bool:
    """Whether a format is of whole numbers; those of several widths are not told apart."""
    return dtype in (torch.int32, torch.int64)


def _with_format(rewriter: Rewriter, node: fx.Node, source: fx.Node, dtype: torch.dtype) -> fx.Node:
    """The same numbers in another format: that of a one that they are multiplied by."""
    return rewriter.call(node, ATEN.mul.Tensor, source, rewriter.constant(node, torch.ones(1, dtype=dtype)))


def _chosen(rewriter: Rewriter, node: fx.Node) -> fx.Node:
    """``where(mask, a, b)`` of constants."""
    call, dtype = given(node), node.meta["val"].dtype
    if name_of(node) == "where":
        mask, first, second = call["condition"], call["self"], call["other"]
    else:
        mask, first, second = call["mask"], call["value"], call["self"]

    def constant(value: Any) -> Any:
        return value if isinstance(value, fx.Node) else rewriter.constant(node, torch.tensor([value], dtype=dtype))

    return rewriter.call(node, ATEN.where.self, mask, constant(first), constant(second))
