"""Products with an addition in one call, as what they are."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from isospike.ops.forms.rewriter import Rewriter, given, name_of

ATEN = torch.ops.aten
PRODUCTS = {"addmm": ("mat1", "mat2", ATEN.mm.default), "baddbmm": ("batch1", "batch2", ATEN.bmm.default)}
"""Calls ``input + a @ b``: the names of their factors, and the product."""


def raise_products(rewriter: Rewriter) -> None:
    """``input + x @ w`` as a fully connected layer where ``w`` and ``input`` are its constants, else as a sum."""
    for node in rewriter.calls:
        if name_of(node) in PRODUCTS and rewriter.varies(node):
            first, second, product = PRODUCTS[name_of(node)]
            found = given(node)
            if found["beta"] == 1 and found["alpha"] == 1:
                rewriter.replace(node, _sum(rewriter, node, found[first], found[second], found["self"], product))
        elif name_of(node) == "addcmul" and rewriter.varies(node):
            rewriter.replace(node, _scaled_sum(rewriter, node, given(node)))


def _scaled_sum(rewriter: Rewriter, node: fx.Node, call: dict[str, Any]) -> fx.Node:
    """``input + value * a * b``."""
    a, b = call["tensor1"], call["tensor2"]
    product = rewriter.call(node, ATEN.mul.Tensor, *((a, b) if rewriter.varies(a) else (b, a)))
    if call["value"] != 1:
        product = rewriter.call(node, ATEN.mul.Tensor, product, call["value"])
    first, second = (product, call["self"]) if rewriter.varies(product) else (call["self"], product)
    return rewriter.call(node, ATEN.add.Tensor, first, second)


def _sum(rewriter: Rewriter, node: fx.Node, x: Any, w: Any, bias: Any, product: Any) -> fx.Node:
    is_layer = rewriter.varies(x) and not rewriter.varies(w) and not rewriter.varies(bias)
    if is_layer and product is ATEN.mm.default and bias.meta["val"].dim() == 1 and _is_whole(w, bias):
        return rewriter.call(node, ATEN.linear.default, x, rewriter.call(node, ATEN.t.default, w), bias)
    return rewriter.call(node, ATEN.add.Tensor, rewriter.call(node, product, x, w), bias)


def _is_whole(w: fx.Node, bias: fx.Node) -> bool:
    """Whether there is one bias for each output; one for all is spread by the addition."""
    return bool(w.meta["val"].shape[1] == bias.meta["val"].shape[0])
