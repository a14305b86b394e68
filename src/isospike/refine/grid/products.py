"""Products of two values on the grid: codes are whole numbers, and so are their products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, fx

from isospike.errors import ConversionError
from isospike.graphs.graph import op_of
from isospike.ops import family
from isospike.refine.grid.value import ONE, GridValue

if TYPE_CHECKING:
    from isospike.refine.grid.gridder import Gridder


def multiplied(gridder: Gridder, node: fx.Node) -> GridValue:
    """``(s_A A)(s_B B) = s_A s_B A B``: the numbers are multiplied, their scales outside of the sum.

    A scale that changes along the axis that is summed over, as the units of channels of queries and keys do, becomes a
    factor of the first operand, rounded to the grid.
    """
    first, second = (source for source in node.all_input_nodes if source in gridder.values)
    a, b = gridder.values[first], gridder.values[second]
    scales = [value.full_scale(op_of(source).shape) for source, value in ((first, a), (second, b))]
    if op_of(node).family is family.SCALE:
        return GridValue(_uniform(scales[0] * scales[1]), a.fraction + b.fraction, a.largest * b.largest)
    if a.scale.dim() or b.scale.dim():
        inner, outer = _parted(node, *scales)
        if not bool((inner == 1).all()):
            first = gridder.times(first, node, inner, name=f"{first.name}_units_{node.name}")
            a = gridder.values[first]
    else:
        outer = a.scale * b.scale
    counted = [torch.ones_like(scale) for scale in scales]
    summands = _call(node, *counted).max().item()
    return GridValue(_uniform(outer), a.fraction + b.fraction, a.largest * b.largest * summands)


def _call(node: fx.Node, a: Tensor, b: Tensor) -> Tensor:
    """The product of other values."""
    given = iter((a, b))
    args: Any = fx.map_arg(node.args, lambda _: next(given))
    assert callable(node.target)
    found: Tensor = node.target(*args, **node.kwargs)
    return found


def _parted(node: fx.Node, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Of scales ``[..., m, d]`` and ``[..., d, n]``, what changes along d, ``[..., 1, d]``, and what does not.

    Raises:
        ConversionError: one changes along both of its axes, or the op is no matrix product.
    """
    if op_of(node).kind == "einsum" or min(a.dim(), b.dim()) < 3:
        raise ConversionError(f"exact=True cannot multiply values with units of their own at '{op_of(node).name}'")
    inner, outer = ONE, ONE
    for scale, is_first in ((a, True), (b.transpose(-1, -2), False)):
        if _is_same(scale, -1):
            outer = outer * (scale[..., :1] if is_first else scale[..., :1].transpose(-1, -2))
        elif _is_same(scale, -2):
            inner = inner * scale[..., :1, :]
        else:
            raise ConversionError(
                f"exact=True cannot multiply values with units for each place at '{op_of(node).name}'"
            )
    return inner, outer if outer.dim() == 0 else outer.expand(1, *op_of(node).shape)


def _is_same(scale: Tensor, axis: int) -> bool:
    """Whether nothing changes along an axis."""
    return torch.equal(scale, scale.narrow(axis, 0, 1).expand_as(scale))


def _uniform(scale: Tensor) -> Tensor:
    """Without axes where it is one number."""
    return scale.flatten()[0] if torch.equal(scale, scale.flatten()[0].expand_as(scale)) else scale
