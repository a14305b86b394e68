"""Masks: truth values become the numbers 0 and 1, which islands, files and time steps can carry."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from isospike.ops.constants import is_cast
from isospike.ops.forms.rewriter import Rewriter, name_of

ATEN = torch.ops.aten


def raise_masks(rewriter: Rewriter) -> None:
    """Comparisons as steps, logic as arithmetic, choices as sums of products.

    ``x > y`` is ``H(x - y)`` with ``H(0) = 0``, ``x >= y`` with ``H(0) = 1``, ``x == y`` is ``1 - |sign(x - y)|``; and
    ``where(m, a, b) = m a + (1 - m) b``. An infinite ``a`` or ``b`` is left alone unless ``m`` is constant.
    """
    numbers: dict[fx.Node, fx.Node] = {}
    for node in rewriter.calls:
        form = _FORMS.get(name_of(node))
        if form is None or not rewriter.varies(node):
            _read_as_numbers(rewriter, node, numbers)
            continue
        new = form(rewriter, node, numbers)
        if new is None:
            continue
        if node.meta["val"].dtype is torch.bool:
            numbers[node] = new
        else:
            rewriter.replace(node, new)
    for mask in reversed(numbers):
        rewriter.drop(mask)


def _read_as_numbers(rewriter: Rewriter, node: fx.Node, numbers: dict[fx.Node, fx.Node]) -> None:
    """Let an op read numbers in the place of truth values; what only casts them goes."""
    if (is_cast(node) or name_of(node) == "clone") and node.args[0] in numbers:
        rewriter.replace(node, numbers[node.args[0]])  # type: ignore[index]
        return
    read = [source for source in node.all_input_nodes if source in numbers]
    value = node.meta["val"]
    if read and isinstance(value, Tensor) and value.dtype is torch.bool:  # it puts truth values elsewhere
        args, kwargs = fx.map_arg((node.args, node.kwargs), lambda source: numbers.get(source, source))
        moved = value.to(numbers[read[0]].meta["val"].dtype)
        numbers[node] = rewriter.call_of(node, moved, node.target, *args, **kwargs)
        return
    for source in read:
        node.replace_input_with(source, numbers[source])


def _compared(strict: bool, swapped: bool) -> Any:
    def form(rewriter: Rewriter, node: fx.Node, numbers: dict[fx.Node, fx.Node]) -> fx.Node | None:
        first, second = node.args[1::-1] if swapped else node.args[:2]
        difference = _difference(rewriter, node, first, second)
        if difference is None:
            return None
        at_zero = torch.zeros if strict else torch.ones
        value = rewriter.constant(node, at_zero((), dtype=difference.meta["val"].dtype))
        return rewriter.call(node, ATEN.heaviside.default, difference, value)

    return form


def _equal(wanted: bool) -> Any:
    def form(rewriter: Rewriter, node: fx.Node, numbers: dict[fx.Node, fx.Node]) -> fx.Node | None:
        difference = _difference(rewriter, node, *node.args[:2])
        if difference is None:
            return None
        unequal = rewriter.call(node, ATEN.abs.default, rewriter.call(node, ATEN.sign.default, difference))
        return _inverted(rewriter, node, unequal) if wanted else unequal

    return form


def _difference(rewriter: Rewriter, node: fx.Node, first: Any, second: Any) -> fx.Node | None:
    """``first - second`` of real numbers."""
    for value in (first, second):
        if isinstance(value, fx.Node) and not value.meta["val"].is_floating_point():
            return None
    if rewriter.varies(second) and isinstance(first, fx.Node) and name_of(first) != "sym_size":
        return rewriter.call(node, ATEN.sub.Tensor, first, second)
    if not isinstance(first, fx.Node):
        return rewriter.call(node, ATEN.rsub.Scalar, second, first)
    return rewriter.call(node, ATEN.sub.Tensor, first, second)


def _inverted(rewriter: Rewriter, place: fx.Node, mask: fx.Node) -> fx.Node:
    return rewriter.call(place, ATEN.rsub.Scalar, mask, 1)


def _not(rewriter: Rewriter, node: fx.Node, numbers: dict[fx.Node, fx.Node]) -> fx.Node | None:
    mask = numbers.get(node.args[0])  # type: ignore[arg-type]
    return None if mask is None else _inverted(rewriter, node, mask)


def _both(target: Any) -> Any:
    def form(rewriter: Rewriter, node: fx.Node, numbers: dict[fx.Node, fx.Node]) -> fx.Node | None:
        masks = [numbers.get(operand) for operand in node.args[:2]]  # type: ignore[arg-type]
        return None if None in masks else rewriter.call(node, target, *masks)

    return form


def _either(rewriter: Rewriter, node: fx.Node, numbers: dict[fx.Node, fx.Node]) -> fx.Node | None:
    masks = [numbers.get(operand) for operand in node.args[:2]]  # type: ignore[arg-type]
    if None in masks:
        return None
    return rewriter.call(node, ATEN.abs.default, rewriter.call(node, ATEN.sub.Tensor, *masks))


def _where(rewriter: Rewriter, node: fx.Node, numbers: dict[fx.Node, fx.Node]) -> fx.Node | None:
    return _chosen(rewriter, node, numbers, *node.args[:3])


def _masked_fill(rewriter: Rewriter, node: fx.Node, numbers: dict[fx.Node, fx.Node]) -> fx.Node | None:
    return _chosen(rewriter, node, numbers, node.args[1], node.args[2], node.args[0])


def _chosen(
    rewriter: Rewriter, node: fx.Node, numbers: dict[fx.Node, fx.Node], mask: Any, first: Any, second: Any
) -> fx.Node | None:
    """``mask * first + (1 - mask) * second``."""
    constant = rewriter.constant_of(mask)
    if constant is None:
        dtype = node.meta["val"].dtype
        if mask not in numbers or not all(_is_finite(rewriter, value, dtype) for value in (first, second)):
            return None
        shares = (numbers[mask], _inverted(rewriter, node, numbers[mask]))
        terms = [_times(rewriter, node, *pair) for pair in zip((first, second), shares, strict=True)]
    else:
        terms = _parts_of(rewriter, node, constant, first, second)
    terms = [term for term in terms if term is not None]
    total = terms[0]
    for term in terms[1:]:
        total = rewriter.call(node, ATEN.add.Tensor, total, term)
    return total


def _times(rewriter: Rewriter, node: fx.Node, value: Any, mask: fx.Node) -> fx.Node | None:
    """A product, or ``None`` for zero."""
    if rewriter.is_zero(value):
        return None
    if not isinstance(value, fx.Node):
        return rewriter.call(node, ATEN.mul.Tensor, mask, value)
    return rewriter.call(node, ATEN.mul.Tensor, value, mask)


def _parts_of(rewriter: Rewriter, node: fx.Node, mask: Tensor, first: Any, second: Any) -> list[Any]:
    """Every variable part times a constant of zeros and ones, and one constant for the rest."""
    dtype, terms = node.meta["val"].dtype, []
    rest = torch.zeros((), dtype=dtype)
    for value, share in ((first, mask), (second, ~mask)):
        if rewriter.varies(value):
            terms.append(rewriter.call(node, ATEN.mul.Tensor, value, rewriter.constant(node, share.to(dtype))))
        else:
            constant = rewriter.constant_of(value)
            assert constant is not None, "a choice depends on the size of the batch"
            rest = rest + torch.where(share, constant.to(dtype), torch.zeros((), dtype=dtype))
    return [*terms, rewriter.constant(node, rest)] if bool(rest.any()) else terms


def _is_finite(rewriter: Rewriter, value: Any, dtype: torch.dtype) -> bool:
    """Whether a value is, or was not a constant, in the number format of the choice."""
    constant = rewriter.constant_of(value)
    return rewriter.varies(value) or (constant is not None and bool(constant.to(dtype).isfinite().all()))


_FORMS = {
    "gt": _compared(strict=True, swapped=False),
    "ge": _compared(strict=False, swapped=False),
    "lt": _compared(strict=True, swapped=True),
    "le": _compared(strict=False, swapped=True),
    "eq": _equal(wanted=True),
    "ne": _equal(wanted=False),
    "logical_not": _not,
    "bitwise_not": _not,
    **dict.fromkeys(("logical_and", "bitwise_and", "__and__"), _both(ATEN.mul.Tensor)),
    **dict.fromkeys(("logical_or", "bitwise_or", "__or__"), _both(ATEN.maximum.default)),
    **dict.fromkeys(("logical_xor", "bitwise_xor", "__xor__"), _either),
    "where": _where,
    "masked_fill": _masked_fill,
}
"""By ATen name, what computes the same from numbers."""
