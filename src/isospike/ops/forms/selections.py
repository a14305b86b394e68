"""Selections with constant positions, and copies whose number is the size of the batch."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, fx

from isospike.ops.forms.rewriter import Rewriter, name_of

ATEN = torch.ops.aten


def raise_selections(rewriter: Rewriter) -> None:
    """``x[:, [2, 0, 1]]`` as a selection along one axis; ``expand(len(x), ...)`` as one that keeps the batch."""
    for node in rewriter.calls:
        if not rewriter.varies(node):
            continue
        name = name_of(node)
        if name == "index":
            _select(rewriter, node)
        elif name == "expand":
            _keep_batch(node)


def _keep_batch(node: fx.Node) -> None:
    """A size that the exporter wrote for the batch is -1, which keeps the axis."""
    source, sizes, *rest = node.args
    value, given = source.meta["val"], list(sizes)  # type: ignore[union-attr, arg-type]
    if value.dim() == len(given) and not isinstance(value.shape[0], int):
        node.args = (source, [-1, *given[1:]], *rest)


def _select(rewriter: Rewriter, node: fx.Node) -> None:
    """One selection along the axes of the positions, taken for one."""
    source: Any = node.args[0]
    given: list[Any] = _without_samples(rewriter, node)
    axes = [axis for axis, positions in enumerate(given) if positions is not None]
    first, last = axes[0], axes[-1]
    tensors = [rewriter.constant_of(given[axis]) for axis in axes]
    if first == 0 or last - first + 1 != len(axes) or any(t is None for t in tensors):
        return
    positions = _joint([t for t in tensors if t is not None], source.meta["val"].shape[first : last + 1])
    if positions is None:
        return
    shape = list(source.meta["val"].shape[1:])
    merged, x = [*shape[: first - 1], math.prod(shape[first - 1 : last]), *shape[last:]], source
    if last > first:
        x = rewriter.call(node, ATEN.reshape.default, x, [-1, *merged])
    x = rewriter.call(node, ATEN.index_select.default, x, first, rewriter.constant(node, positions.flatten()))
    if positions.dim() != 1:
        x = rewriter.call(node, ATEN.reshape.default, x, [-1, *node.meta["val"].shape[1:]])
    rewriter.replace(node, x)


def _without_samples(rewriter: Rewriter, node: fx.Node) -> list[Any]:
    """``x[arange(len(x))[:, None], positions]`` as ``x[:, positions]``, where the positions of all samples are one."""
    given: list[Any] = list(node.args[1])  # type: ignore[arg-type]
    first, *rest = given
    others = [rewriter.constant_of(one) for one in rest]
    if not rest or not rewriter.constants.counts_samples(first) or any(one is None for one in others):
        return given
    rank = first.meta["val"].dim()
    if any(one.dim() == rank and len(one) != 1 for one in others if one is not None):
        return given
    return [None, *(rewriter.constant(node, _of_one(rewriter.constants[one], rank)) for one in rest)]


def _of_one(positions: Tensor, rank: int) -> Tensor:
    return positions[0] if positions.dim() == rank else positions


def _joint(tensors: list[Tensor], sizes: tuple[int, ...]) -> Tensor | None:
    """Positions along several axes as positions along all of them taken for one; ``None`` where some are none."""
    if len(tensors) == 1 and tensors[0].dtype is torch.bool:
        mask = tensors[0]
        return mask.nonzero().flatten() if mask.dim() == 1 else None
    if any(t.dtype is torch.bool or t.is_floating_point() for t in tensors):
        return None
    total = torch.zeros((), dtype=torch.int64)
    for positions, size in zip(torch.broadcast_tensors(*tensors), sizes, strict=True):
        total = total * size + positions % size
    return total
