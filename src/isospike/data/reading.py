"""Batches of any usual container as inputs and targets; sequences of events with time first."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from isospike.data.parts import check_container, check_strided, parts
from isospike.data.stream import stream
from isospike.errors import DataError, OptionError
from isospike.inputs import Inputs, NamedInputs, shapes
from isospike.memory_format import channels_last
from isospike.messages import with_article

Layout = Literal["time-first", "batch-first"]
"""Which axis of a sequence is time: ``[T, B, ...]``, which is the rule, or ``[B, T, ...]``."""


@dataclass(frozen=True)
class Given:
    """One batch."""

    inputs: Inputs
    """Samples ``[B, ...]``, or sequences ``[T, B, ...]``."""
    targets: Any
    """What belongs to them; ``None``: nothing."""
    sequence: bool = False
    """Whether the inputs are sequences."""

    @property
    def samples(self) -> int:
        """Number of samples B."""
        return self.inputs.shape[1] if self.sequence and isinstance(self.inputs, Tensor) else len(self.inputs)

    @property
    def still(self) -> Inputs:
        """What an ANN sees ``[B, ...]``: of a sequence its mean over time, which a rate code stands for."""
        return self.inputs.mean(0) if self.sequence and isinstance(self.inputs, Tensor) else self.inputs

    @property
    def by_sample(self) -> Inputs:
        """The inputs with the axis of the samples first."""
        return self.inputs.movedim(1, 0) if self.sequence and isinstance(self.inputs, Tensor) else self.inputs

    def split(self, count: int) -> Iterator[Given]:
        """Parts of ``count`` samples, without targets."""
        parts = self.inputs.split(count, dim=int(self.sequence))
        return (Given(part, None, self.sequence) for part in parts)

    def to(self, dtype: torch.dtype) -> Given:
        """The same with inputs in a number format, samples in the memory format in which networks run."""
        inputs = self.inputs.to(dtype)
        return replace(self, inputs=inputs if self.sequence else channels_last(inputs))

    def until(self, steps: int | None) -> Given:
        """The same with at most the first ``steps`` steps of sequences; with all for ``None``."""
        return replace(self, inputs=self.inputs[:steps]) if self.sequence else self

    def first(self, count: int) -> Inputs:
        """The inputs of at most ``count`` samples."""
        return self.inputs[:, :count] if self.sequence else self.inputs[:count]


def batches_of(data: Any) -> Any:
    """Data as an iterable of batches.

    One tensor and a mapping are one batch. A tuple of tensors is one batch ``(inputs, targets)``, unless its tensors
    are alike but for their number of samples, as ``x.split(100)`` gives them: these are batches.

    Raises:
        DataError: a tuple of two tensors that are alike in everything, which may be either; a list of inputs and
            their targets; a dataset of samples.
    """
    check_container(data)
    if isinstance(data, Tensor | Mapping):
        return [data]
    if not isinstance(data, tuple) or not data or not isinstance(data[0], Tensor):
        return data
    alike = all(isinstance(one, Tensor) and _sample(one) == _sample(data[0]) for one in data)
    if alike and len(data) == 2 and len(data[0]) == len(data[1]):
        raise DataError(
            f"the data are a tuple of two tensors {list(data[0].shape)}, which may be one batch (inputs, targets) or "
            "two batches of inputs; give [(inputs, targets)] or [inputs, inputs]"
        )
    return data if alike else [data]


def _sample(batch: Tensor) -> tuple[Any, ...]:
    """Type and shape of a sample."""
    return (batch.dtype, *batch.shape[1:])


def read_batch(
    batch: Any,
    number: int,
    *,
    shape: Sequence[int] | None = None,
    layout: Layout | None = None,
    steps: int | None = None,
    names: Sequence[str] = (),
) -> Given:
    """Inputs and targets of a batch.

    A batch is a tensor, ``(inputs, targets)`` as a tuple or list, what follows being no tensor, or a mapping; see
    `isospike.data.parts`.

    Args:
        batch: the batch.
        number: its place in the data, from 1.
        shape: of one sample, where it is known: a batch with one axis more than ``[B, *shape]`` holds sequences.
        layout: says that the batch holds sequences, and where their time is. Without it time is first.
        steps: how many will be run, which are all that is read of longer sequences, so the ANN sees the mean of what
            the network is given; without a layout, sequences that may be meant otherwise are refused.
        names: of the inputs, where they are known; see `isospike.data.parts`.

    Raises:
        DataError: it holds no tensor, several that may be the input, one without its numbers in memory, or sequences
            in another layout.
    """
    inputs, targets = parts(batch, number, names)
    if isinstance(inputs, NamedInputs):
        return _named(inputs, targets, number, layout)
    if not isinstance(inputs, Tensor):
        raise DataError(
            f"batch {number} does not start with a tensor but with {with_article(inputs)}; give tensors "
            "(torch.as_tensor makes them of arrays), (inputs, targets) pairs or mappings that hold the input"
        )
    check_strided(inputs, targets, number)
    if inputs.dim() == 0 or inputs.numel() == 0:
        raise DataError(f"batch {number} of the data has shape {list(inputs.shape)} and holds no sample; leave it out")
    if not _is_sequence(inputs, shape, layout):
        return Given(inputs, targets)
    _check_targets(inputs, targets, layout)
    if layout is None and (doubt := doubtful(inputs, steps)):
        raise DataError(doubt)
    time_first = inputs.transpose(0, 1) if layout == "batch-first" else inputs
    return Given(time_first, targets, sequence=True).until(steps)


def read_batches(
    data: Iterable[Any],
    *,
    shape: Sequence[int] | None = None,
    layout: Layout | None = None,
    steps: int | None = None,
    names: Sequence[str] = (),
) -> Iterator[Given]:
    """All batches of data; see `batches_of` and `read_batch`."""
    numbered = enumerate(stream(batches_of(data)), 1)
    return (
        read_batch(batch, number, shape=shape, layout=layout, steps=steps, names=names) for number, batch in numbered
    )


def _named(inputs: NamedInputs, targets: Any, number: int, layout: Layout | None) -> Given:
    """Several inputs by name, which are no sequences in time."""
    check_strided(inputs, targets, number)
    if layout is not None:
        raise DataError(f"layout='{layout}' is for one sequence of real numbers, batch {number} has several inputs")
    empty = [name for name, tensor in inputs.tensors.items() if not tensor.numel() or not tensor.dim()]
    counts = {len(tensor) for tensor in inputs.tensors.values() if tensor.dim()}
    if empty or len(counts) > 1:
        raise DataError(f"the inputs of batch {number} have no or different numbers of samples: {shapes(inputs)}")
    return Given(inputs, targets)


def looked_ahead(batches: Iterator[Given]) -> tuple[Given, Iterator[Given]]:
    """The first batch, and all of them.

    Raises:
        DataError: there is none.
    """
    first = next(batches, None)
    if first is None:
        raise DataError("the data hold no sample; give at least one batch")
    return first, itertools.chain([first], batches)


def doubtful(sequence: Tensor, steps: int | None) -> str:
    """Why a sequence, read as ``[T, B, ...]``, may be ``[B, T, ...]``; empty where nothing speaks for it.

    It has as many samples as steps are run, and more steps than that.
    """
    time, samples = sequence.shape[:2]
    if not time > samples == steps:
        return ""
    return (
        f"the sequence has the shape {list(sequence.shape)}: time comes first, so it has {time} steps of {samples} "
        f"samples, and {steps} steps were asked for; say layout='batch-first' if it is [B, T, ...], or "
        f"layout='time-first' to run the first {steps} steps"
    )


def check_layout(layout: object) -> None:
    """Refuse a layout that is none.

    Raises:
        OptionError: it is another.
    """
    if layout not in (None, *get_args(Layout)):
        raise OptionError(
            f"layout must be 'time-first' for [T, B, ...] or 'batch-first' for [B, T, ...], got {layout!r}"
        )


def _is_sequence(inputs: Tensor, shape: Sequence[int] | None, layout: Layout | None) -> bool:
    check_layout(layout)
    if shape is None:
        return layout is not None
    if layout is not None and inputs.dim() != len(shape) + 2:
        raise DataError(
            f"layout='{layout}' is for sequences, a batch has the shape {list(inputs.shape)} and the network takes "
            f"samples {list(shape)}; leave layout out"
        )
    return inputs.dim() == len(shape) + 2


def _check_targets(inputs: Tensor, targets: Any, layout: Layout | None) -> None:
    """Refuse sequences whose targets are as many as their steps: they are in the other layout."""
    given = len(targets) if isinstance(targets, Tensor | np.ndarray) and len(targets.shape) else None
    time, batch = inputs.shape[:2] if layout != "batch-first" else (inputs.shape[1], inputs.shape[0])
    if given is not None and given != batch and given == time:
        read_as, other = layout or "time-first", "time-first" if layout == "batch-first" else "batch-first"
        raise DataError(
            f"a batch of sequences has the shape {list(inputs.shape)}, read as {read_as} it has {batch} samples of "
            f"{time} steps, but there are {given} targets; say layout='{other}'"
        )
