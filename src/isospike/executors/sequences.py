"""Sequences of events, time first."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from isospike.data.reading import Layout, check_layout, doubtful
from isospike.errors import SimulationError
from isospike.inputs import Inputs


def time_first(x: Inputs, shape: Sequence[int], *, steps: int | None, layout: Layout | None = None) -> Inputs:
    """A sequence ``[T, B, ...]`` from either layout; samples ``[B, ...]`` as they are.

    Args:
        x: the input.
        shape: of one sample.
        steps: how many are to be run.
        layout: as the caller says it; ``None``: time first, and what may be meant otherwise is refused.

    Raises:
        SimulationError: a layout of what is no sequence, or a sequence that may be batch first.
        OptionError: there is no such layout.
    """
    check_layout(layout)
    if not isinstance(x, Tensor):  # refused where it is run, with all other types
        return x
    sequence = x.dim() == len(shape) + 2
    if layout is not None and not sequence:
        raise SimulationError(
            f"layout='{layout}' is for sequences, the input has the shape {list(x.shape)} and the network takes "
            f"samples {list(shape)}; leave layout out"
        )
    if layout == "batch-first":
        return x.transpose(0, 1)
    if sequence and layout is None and (doubt := doubtful(x, steps)):
        raise SimulationError(doubt)
    return x
