"""On which axis the channels of a call's result are, by where its input has them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import fx


@dataclass(frozen=True)
class Moved:
    """A call that is given channels."""

    node: fx.Node
    axis: int
    """The input's axis of channels; that of the batch is 0."""
    before: tuple[int, ...]
    """Shape of the input, that of the batch as one."""
    after: tuple[int, ...]
    """Shape of the result."""


Channels = Callable[[Moved], int]
"""The axis of the result's channels."""


def first(call: Moved) -> int:
    """The first behind the batch, whatever was given."""
    return 1


def kept(call: Moved) -> int:
    """Where they are while the rank stays the same, else the first behind the batch."""
    return call.axis if len(call.before) == len(call.after) else 1


def transposed(call: Moved) -> int:
    """Carried along with their axis."""
    rank = len(call.before)
    first, second = (int(place) % rank for place in call.node.args[1:3])  # type: ignore[arg-type]
    axis = call.axis % rank
    return second if axis == first else first if axis == second else axis


def permuted(call: Moved) -> int:
    """Carried along with their axis."""
    rank = len(call.before)
    order = [int(place) % rank for place in call.node.args[1]]  # type: ignore[union-attr, arg-type]
    return order.index(call.axis % rank)


def regrouped(call: Moved) -> int:
    """The axis that starts where theirs did.

    Taken apart, each group of them is one channel; joined with what lies behind them, each of these is one.
    """
    start = math.prod(call.before[: call.axis % len(call.before)])
    places = [place for place in range(1, len(call.after)) if math.prod(call.after[:place]) == start]
    found = places[-1] if places else 1
    return -1 if call.axis == -1 and found == len(call.after) - 1 else found


def normalised(call: Moved) -> int:
    """The last axis, where it is the one that is normalised; else where they are."""
    sizes = call.node.args[1] if len(call.node.args) > 1 else ()
    return -1 if isinstance(sizes, Sequence) and len(sizes) == 1 else kept(call)
