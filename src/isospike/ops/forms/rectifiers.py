"""Ways to write ``max(x, 0)``: each becomes the one call that is the site of a neuron."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from isospike.ops.constants import is_cast
from isospike.ops.forms.rewriter import Rewriter, given, is_same, name_of

ABOVE = {"gt": True, "ge": True, "lt": False, "le": False}
"""Comparisons ``a ? b``, and whether they are true of an ``a`` above ``b``."""


def raise_rectifiers(rewriter: Rewriter) -> None:
    """Every form of ``max(x, 0)`` as ``relu(x)``.

    These are ``x * (x > 0)``, ``where(x > 0, x, 0)``, ``masked_fill(x, x < 0, 0)``, ``maximum(x, 0)``,
    ``clamp(x, min=zeros)`` and ``(x + |x|) / 2``, with ``>=`` for ``>`` and operands in any order.
    """
    for node in rewriter.calls:
        find = _FORMS.get(name_of(node))
        x = find(rewriter, node) if find is not None else None
        if x is not None and x.meta["val"].shape == node.meta["val"].shape:
            rewriter.replace(node, rewriter.call(node, torch.ops.aten.relu.default, x))


def _sign_test(rewriter: Rewriter, test: Any) -> tuple[fx.Node, bool] | None:
    """The value of which a mask says whether it is above zero, and whether the mask is one there; casts aside."""
    if not isinstance(test, fx.Node):
        return None
    name = name_of(test)
    if is_cast(test) or name == "clone":
        return _sign_test(rewriter, test.args[0])
    if name in ("logical_not", "bitwise_not"):
        inner = _sign_test(rewriter, test.args[0])
        return None if inner is None else (inner[0], not inner[1])
    if name not in ABOVE:
        return None
    first, second = test.args[:2]
    if rewriter.varies(first) and rewriter.is_zero(second):
        return first, ABOVE[name]  # type: ignore[return-value]
    if rewriter.varies(second) and rewriter.is_zero(first):
        return second, not ABOVE[name]  # type: ignore[return-value]
    return None


def _is_above_zero(rewriter: Rewriter, test: Any, x: fx.Node, *, wanted: bool) -> bool:
    """Whether a mask is one where ``x`` is above zero, or with ``wanted=False`` where it is not."""
    found = _sign_test(rewriter, test)
    return found is not None and found[1] is wanted and is_same(found[0], x)


def _masked(rewriter: Rewriter, node: fx.Node) -> fx.Node | None:
    """``x * (x > 0)``, and ``0.5 * (x + |x|)``."""
    for x, test in (node.args[:2], node.args[1::-1]):
        if isinstance(x, fx.Node) and _is_above_zero(rewriter, test, x, wanted=True):
            return x
    found = (_doubled(rewriter, total, factor, wanted=0.5) for total, factor in (node.args[:2], node.args[1::-1]))
    return next(filter(None, found), None)


def _chosen(rewriter: Rewriter, node: fx.Node) -> fx.Node | None:
    test, first, second = node.args
    found = _sign_test(rewriter, test)
    if found is None:
        return None
    kept, other = (first, second) if found[1] else (second, first)
    return found[0] if is_same(kept, found[0]) and rewriter.is_zero(other) else None


def _filled(rewriter: Rewriter, node: fx.Node) -> fx.Node | None:
    x, test, value = node.args
    found = isinstance(x, fx.Node) and _is_above_zero(rewriter, test, x, wanted=False) and rewriter.is_zero(value)
    return x if found else None  # type: ignore[return-value]


def _larger(rewriter: Rewriter, node: fx.Node) -> fx.Node | None:
    if len(node.args) != 2:  # the largest of all values
        return None
    for x, other in (node.args, node.args[::-1]):
        if rewriter.varies(x) and isinstance(other, fx.Node) and rewriter.is_zero(other):
            return x  # type: ignore[return-value]
    return None


def _clamped(rewriter: Rewriter, node: fx.Node) -> fx.Node | None:
    """A lower bound that is a tensor of zeros; numbers are for the op's own module."""
    bounds = given(node)
    low = bounds["min"]
    is_zero = isinstance(low, fx.Node) and rewriter.is_zero(low) and bounds.get("max") is None
    return bounds["self"] if is_zero and rewriter.varies(bounds["self"]) else None


def _quotient(rewriter: Rewriter, node: fx.Node) -> fx.Node | None:
    total, number = node.args[:2]
    return None if node.kwargs else _doubled(rewriter, total, number, wanted=2)


def _doubled(rewriter: Rewriter, total: Any, number: Any, *, wanted: float) -> fx.Node | None:
    """The ``x`` of ``x + |x|``, if what it is multiplied with or divided by is the number wanted."""
    constant = rewriter.constant_of(number)
    if constant is None or not bool((constant == wanted).all()) or name_of(total) != "add" or total.kwargs:
        return None
    for x, size in (total.args[:2], total.args[1::-1]):
        if name_of(size) == "abs" and is_same(size.args[0], x):
            return x  # type: ignore[no-any-return]
    return None


_FORMS = {
    "mul": _masked,
    "where": _chosen,
    "masked_fill": _filled,
    "maximum": _larger,
    "max": _larger,
    "fmax": _larger,
    "clamp": _clamped,
    "clamp_min": _clamped,
    "div": _quotient,
}
"""By ATen name, what finds the ``x`` of a form of ``max(x, 0)``."""
