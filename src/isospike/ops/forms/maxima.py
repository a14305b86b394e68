"""Maxima over axes: max pools of one window."""

from __future__ import annotations

import math
import operator
from typing import Any

import torch
from torch import fx

from isospike.ops.forms.rewriter import Rewriter, given, name_of

ATEN = torch.ops.aten
OF_TWO = {"max": ATEN.maximum.default, "min": ATEN.minimum.default}
"""The larger or smaller of two values, which has a name of its own."""


def raise_maxima(rewriter: Rewriter) -> None:
    """``amax`` over axes behind the channels, and the values of ``max`` along one, as max pools."""
    for node in rewriter.calls:
        if name_of(node) in OF_TWO and node.target._overloadname == "other":  # type: ignore[union-attr]
            rewriter.replace(node, rewriter.call(node, OF_TWO[name_of(node)], *node.args))
            continue
        axes = _axes(node)
        if axes is None or not rewriter.varies(node):
            continue
        source: Any = node.args[0]
        readers = list(node.users) if name_of(node) == "max" else [node]
        if name_of(node) == "max" and not all(map(_is_value, readers)):
            continue  # positions of maxima are no numbers of the network
        rank = source.meta["val"].dim()
        axes = sorted(axis % rank for axis in axes)
        if name_of(node) == "max" and axes == [1]:
            for reader in readers:
                rewriter.replace(reader, rewriter.call(reader, ATEN.amax.default, source, axes, given(node)["keepdim"]))
        elif axes and axes[0] > 1 and source.meta["val"].is_floating_point():
            for reader in readers:
                pooled = _windows(rewriter, reader, source, axes) or _whole(rewriter, reader, source, axes)
                rewriter.replace(reader, pooled)


def _is_value(reader: fx.Node) -> bool:
    return reader.target is operator.getitem and bool(reader.args[1] == 0)


def _axes(node: fx.Node) -> list[int] | None:
    """The axes of a maximum; ``None`` for any other call."""
    if name_of(node) == "amax":
        return list(given(node)["dim"])
    if name_of(node) == "max" and node.target._overloadname == "dim":  # type: ignore[union-attr]
        return [given(node)["dim"]]
    return None


def _windows(rewriter: Rewriter, node: fx.Node, source: fx.Node, axes: list[int]) -> fx.Node | None:
    """``x.unfold(2, k, s).unfold(3, k, s).amax((4, 5))`` is a max pool of these windows."""
    steps: list[Any] = []
    x: Any = source
    while name_of(x) == "unfold":
        steps.append(x.args[1:])
        x = x.args[0]
    rank = x.meta["val"].dim()
    pools = {3: ATEN.max_pool1d.default, 4: ATEN.max_pool2d.default, 5: ATEN.max_pool3d.default}
    by_axis = {int(axis) % rank: (size, step) for axis, size, step in steps}
    covers = axes == list(range(rank, rank + len(steps))) and sorted(by_axis) == list(range(2, rank))
    if rank not in pools or not covers or len(node.meta["val"].shape) != rank:
        return None
    sizes, strides = zip(*(by_axis[axis] for axis in range(2, rank)), strict=True)
    return rewriter.call(node, pools[rank], x, list(sizes), list(strides))


def _whole(rewriter: Rewriter, node: fx.Node, source: fx.Node, axes: list[int]) -> fx.Node:
    """A pool of one window: over the whole map, or over the axes brought to the end of a sequence."""
    shape, result = list(source.meta["val"].shape), list(node.meta["val"].shape[1:])
    if axes == [2, 3] and len(shape) == 4:
        pooled = rewriter.call(node, ATEN.max_pool2d.default, source, shape[2:])
    else:
        others = [axis for axis in range(1, len(shape)) if axis not in axes]
        x = source if others + axes == list(range(1, len(shape))) else _permuted(rewriter, node, source, others + axes)
        rows, window = math.prod(shape[axis] for axis in others), math.prod(shape[axis] for axis in axes)
        if len(shape) != 3 or x is not source:
            x = rewriter.call(node, ATEN.reshape.default, x, [-1, rows, window])
        pooled = rewriter.call(node, ATEN.max_pool1d.default, x, [window])
    if list(pooled.meta["val"].shape[1:]) == result:
        return pooled
    return rewriter.call(node, ATEN.reshape.default, pooled, [-1, *result])


def _permuted(rewriter: Rewriter, node: fx.Node, source: fx.Node, axes: list[int]) -> fx.Node:
    return rewriter.call(node, ATEN.permute.default, source, [0, *axes])
