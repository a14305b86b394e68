"""On which axis the channels of a call's result are, by where its input has them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import fx

NORMALISED = ("layer_norm", "native_layer_norm", "rms_norm")
PERMUTED = ("transpose", "permute")
RESHAPED = ("view", "_unsafe_view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze")


def own_channel_axis(node: fx.Node, kind: str) -> int | None:
    """The last axis behind a normalisation over that one; ``None``: where its input has them."""
    sizes = node.args[1] if kind in NORMALISED and len(node.args) > 1 else ()
    return -1 if isinstance(sizes, Sequence) and len(sizes) == 1 else None


def moved_channel_axis(node: fx.Node, kind: str, axis: int, *, shapes: tuple[Sequence[int], Sequence[int]]) -> int:
    """Where a call puts the channels of its input.

    A permutation carries them along. Reshaped, they stay on the axis that starts where theirs did: taken apart, each
    group of them is one channel; joined with what lies behind them, each of these is one. Elsewhere they stay where
    they are while the rank does.

    Args:
        node: the call.
        kind: the name of its op.
        axis: of the input's channels.
        shapes: of input and result, without the axis of the batch.
    """
    before, after = ((1, *shape) for shape in shapes)
    if kind in PERMUTED:
        return _permuted(node, kind, len(before)).index(axis % len(before))
    if kind in RESHAPED and len(before) > 1:
        start = math.prod(before[: axis % len(before)])
        places = [place for place in range(1, len(after)) if math.prod(after[:place]) == start]
        found = places[-1] if places else 1
        return -1 if found == len(after) - 1 and axis == -1 else found
    return axis if len(before) == len(after) else 1


def _permuted(node: fx.Node, kind: str, rank: int) -> list[int]:
    """The axes of the input in the order of the result's."""
    order = list(range(rank))
    if kind == "transpose":
        first, second = (int(place) % rank for place in node.args[1:3])  # type: ignore[arg-type]
        order[first], order[second] = order[second], order[first]
        return order
    return [int(place) % rank for place in node.args[1]]  # type: ignore[union-attr, arg-type]
