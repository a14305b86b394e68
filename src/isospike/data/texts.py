"""What a source of texts gives: sentences or pairs of them, perhaps with labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from isospike.data.tokenise import Tokenise

TextBatch: TypeAlias = "tuple[dict[str, Tensor], Tensor] | dict[str, Tensor]"


@dataclass(frozen=True, eq=False)
class Texts:
    """All texts of one split of one source."""

    items: ClassVar[str] = "texts"
    """What it holds, in words."""
    name: str
    """The specification it was opened by, for messages and reports."""
    texts: Sequence[tuple[str, ...]]
    """Single sentences or pairs."""
    labels: npt.NDArray[np.int64] | npt.NDArray[np.float32] | None
    """Classes or values ``[N]``, or None."""

    def __len__(self) -> int:
        return len(self.texts)


class TextDataset(Dataset[TextBatch]):
    """The texts of ``source`` at ``order`` as tokens and masks; labels follow where there are any."""

    def __init__(self, source: Texts, order: npt.NDArray[np.int64], tokenise: Tokenise) -> None:
        self.source, self.order, self.encode = source, order, tokenise.open()

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> TextBatch:
        """A batch of one."""
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> TextBatch:
        """The batch of these places in the order; the ``DataLoader`` calls this."""
        places = self.order[list(indices)]
        tokens = self.encode([self.source.texts[place] for place in places])
        labels = self.source.labels
        return tokens if labels is None else (tokens, torch.from_numpy(labels[places]))
