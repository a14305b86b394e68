"""Calibration data that know which images they gave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from isospike.calibrate.batches import Batch, Batches
from isospike.comparison.identity import image_digests
from isospike.data.reading import Given, Layout


class SeenBatches(Batches):
    """Calibration batches whose images are noted in the first pass that somebody makes.

    Args:
        data: see `Batches`.
        shape: see `Batches`.
        layout: see `Batches`.
        names: see `Batches`.
        steps: how many of a sequence are compared with those of other data.

    Raises:
        CalibrationError, DataError: see `Batches`.
    """

    def __init__(
        self,
        data: Iterable[Batch],
        *,
        shape: Sequence[int] | None = None,
        layout: Layout | None = None,
        names: Sequence[str] = (),
        steps: int | None = None,
    ) -> None:
        super().__init__(data, shape=shape, layout=layout, names=names)
        self._steps = steps
        self._digests: list[bytes] = []
        self._complete = False

    def read(self) -> Iterator[Given]:
        """See `Batches.read`."""
        return self._noted(super().read())

    def _noted(self, batches: Iterable[Given]) -> Iterator[Given]:
        found: list[bytes] = []
        for given in batches:
            if not self._complete:
                found += image_digests(given.until(self._steps).by_sample)
                self._digests = max(self._digests, found, key=len)
            yield given
        self._complete = True

    def digests(self) -> list[bytes]:
        """Of all images, in order; of a one-shot iterator of those that it gave.

        Raises:
            CalibrationError, DataError: the data fail.
        """
        if not self._complete and not self._one_shot:
            for _ in self:
                pass
        return self._digests
