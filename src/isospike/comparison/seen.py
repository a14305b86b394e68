"""Calibration data that know which images they gave."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from isospike.calibrate.batches import Batch, Batches
from isospike.comparison.identity import image_digests
from isospike.inputs import Inputs


class SeenBatches(Batches):
    """Calibration batches whose images are noted in the first pass that somebody makes.

    Args:
        data: see `Batches`.

    Raises:
        CalibrationError, DataError: see `Batches`.
    """

    def __init__(self, data: Iterable[Batch]) -> None:
        super().__init__(data)
        self._digests: list[bytes] = []
        self._complete = False

    def __iter__(self) -> Iterator[Inputs]:
        return self._noted(super().__iter__())

    def _noted(self, batches: Iterable[Inputs]) -> Iterator[Inputs]:
        found: list[bytes] = []
        for inputs in batches:
            if not self._complete:
                found += image_digests(inputs)
                self._digests = max(self._digests, found, key=len)
            yield inputs
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
