"""What a data source gives: named images, perhaps with labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from isospike.data.preprocess import Preprocess
from isospike.data.texts import Texts
from isospike.registry import Registry

Split: TypeAlias = Literal["calibration", "test"]


@dataclass(frozen=True, eq=False)
class Images:
    """All images of one split of one source, not yet preprocessed."""

    items: ClassVar[str] = "images"
    """What it holds, in words."""
    name: str
    """The specification it was opened by, for messages and reports."""
    images: npt.NDArray[np.uint8] | Sequence[npt.NDArray[np.uint8]]
    """uint8 ``[N, H, W, C]``, or a sequence of N arrays ``[H, W, C]`` whose sizes may differ."""
    labels: npt.NDArray[np.int64] | None
    """int64 ``[N]``, or None."""
    preprocess: Preprocess | None
    """The source's own default, or None where it has none."""

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Sequence[int]) -> npt.NDArray[np.uint8] | list[npt.NDArray[np.uint8]]:
        """The images at ``indices``: one array ``[n, H, W, C]``, or a list where sizes may differ."""
        if isinstance(self.images, np.ndarray):
            return self.images[list(indices)]
        return [self.images[index] for index in indices]


sources: Registry[Callable[[str, Split], Images | Texts]] = Registry("data source")
