"""Any iterable of batches as a stream of checked inputs; labels are ignored."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from isospike.data.reading import Given, Layout, batches_of, read_batch
from isospike.data.stream import stream
from isospike.errors import CalibrationError
from isospike.inputs import Inputs
from isospike.messages import warn, with_article
from isospike.progress import Report, length

Batch = Inputs | Sequence[Any] | Mapping[str, Any]
"""A tensor, ``(inputs, targets, ...)`` or a mapping; see `isospike.data.reading.read_batch`."""


class Batches:
    """Inputs ``[B, ...]`` from any iterable of batches, looked at once ahead.

    Args:
        data: a data loader, a list of batches, a generator, or one batch: a tensor ``[B, ...]``, a mapping or a tuple
            ``(inputs, targets)``.
        report: told of every batch that is done.
        shape: of one sample, where it is known.
        layout: says that batches hold sequences, and where their time is; what is given is their mean over time.
        names: of the inputs that the model takes, where they are known.

    Raises:
        CalibrationError: there is no batch.
        DataError: the data's own code raised, or a batch holds no tensor or no sample; the message has its number.
    """

    def __init__(
        self,
        data: Iterable[Batch],
        report: Report | None = None,
        *,
        shape: Sequence[int] | None = None,
        layout: Layout | None = None,
        names: Sequence[str] = (),
    ) -> None:
        data = batches_of(data)
        if not isinstance(data, Iterable):
            raise CalibrationError(f"the data are {with_article(data)}; give an iterable of batches")
        self._data, self._report = data, report
        self._shape, self._layout, self._names = shape, layout, names
        self._warned = False
        self._one_shot = isinstance(data, Iterator)
        self.images_seen = 0
        opened = stream(data)
        self._opened = [opened]  # taken by the first pass; threads may start passes at once
        try:
            self._first = next(opened)
        except StopIteration:
            raise CalibrationError("the data hold no batch; give at least one") from None
        first = self._read(1, self._first)
        self.first, self.first_targets = first.still, first.targets

    def __iter__(self) -> Iterator[Inputs]:
        """Every batch once; the data are opened again when they can be."""
        return (given.still for given in self.read())

    def read(self) -> Iterator[Given]:
        """As iteration, with what was read: sequences with their time."""
        with contextlib.suppress(IndexError):
            return self._counted(itertools.chain([self._first], self._opened.pop()))
        if self._one_shot:
            raise CalibrationError(
                "the data are a one-shot iterator and are needed a second time; give a list or a data loader"
            )
        return self._counted(stream(self._data))

    def _counted(self, batches: Iterable[Batch]) -> Iterator[Given]:
        seen = 0
        for number, batch in enumerate(batches, 1):
            given = self._read(number, batch)
            seen += given.samples
            self.images_seen = max(self.images_seen, seen)
            yield given
            if self._report is not None:
                self._report("calibrating", number, length(self._data))

    def take(self, count: int | None) -> Iterator[Inputs]:
        """``count`` batches, starting again as often as needed; every batch once for ``None``."""
        if count is None:
            yield from self
            return
        remaining = count
        while remaining > 0:
            before = remaining
            for inputs in itertools.islice(self, remaining):
                remaining -= 1
                yield inputs
            if remaining == before:
                raise CalibrationError("the data hold no batch when opened again; give a list or a data loader")

    def images(self, count: int) -> Iterator[Inputs]:
        """The first ``count`` images in their batches; all, with one warning, where the data hold fewer."""
        used = 0
        for inputs in self:
            yield inputs[: count - used]
            used += len(inputs[: count - used])
            if used == count:
                return
        if not self._warned:
            self._warned = True
            message = f"calibration asks for {count} images, the data hold {used}: all were used"
            warn(message)

    def _read(self, number: int, batch: Batch) -> Given:
        return read_batch(batch, number, shape=self._shape, layout=self._layout, names=self._names)
