"""Parts of a value written over by another: what is left of it and the other, side by side."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from isospike.ops.forms.rewriter import Rewriter, given, name_of

ATEN = torch.ops.aten


def raise_scatters(rewriter: Rewriter) -> None:
    """``x[:, a:b] = y`` as ``cat([x[:, :a], y, x[:, b:]])``, and ``x[:, a] = y`` alike."""
    for node in rewriter.calls:
        if not rewriter.varies(node):
            continue
        if name_of(node) == "slice_scatter":
            found = given(node)
            if found["step"] == 1:
                _write(rewriter, node, found["src"], found["start"], found["end"])
        elif name_of(node) == "select_scatter":
            found = given(node)
            part = rewriter.call(node, ATEN.unsqueeze.default, found["src"], found["dim"])
            size = _size(node, found["dim"])
            if size is not None:
                _write(rewriter, node, part, found["index"] % size, found["index"] % size + 1)


def _write(rewriter: Rewriter, node: fx.Node, part: fx.Node, start: int | None, end: int | None) -> None:
    """Put a part in the place of some positions along an axis; of that of the batch, of all."""
    base: Any = node.args[0]
    axis = given(node)["dim"] % len(node.meta["val"].shape)
    size = _size(node, axis)
    if size is None:
        if not start and (end is None or end > torch.iinfo(torch.int32).max):
            rewriter.replace(node, part)
        return
    first, last, _ = slice(start, end).indices(size)
    pieces = [part]
    if first > 0:
        pieces.insert(0, rewriter.call(node, ATEN.slice.Tensor, base, axis, 0, first))
    if last < size:
        pieces.append(rewriter.call(node, ATEN.slice.Tensor, base, axis, last, size))
    rewriter.replace(node, part if len(pieces) == 1 else rewriter.call(node, ATEN.cat.default, pieces, axis))


def _size(node: fx.Node, axis: int) -> int | None:
    """The size of an axis; ``None`` for that of the batch."""
    size = node.meta["val"].shape[axis]
    return size if isinstance(size, int) else None
