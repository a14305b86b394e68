"""Data as the command line describes them: source, limits, preprocessing, device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch.utils.data import DataLoader

from isospike.data import Preprocess, Tokenise, open_data
from isospike.data.dataset import ImageDataset
from isospike.data.images import Split
from isospike.data.reading import Layout
from isospike.errors import OptionError


@dataclass(frozen=True)
class DataOptions:
    """The values of the shared data options."""

    data: str
    images: int | None
    batch_size: int
    size: int | None
    mean: tuple[float, ...] | None
    std: tuple[float, ...] | None
    tokenizer: str | None
    length: int | None
    device: str
    layout: Layout | None = None

    def open(self, split: Split, *, preprocess: Preprocess | None, shuffle: bool, seed: int = 0) -> OpenData:
        """Open the source; options given by the user win over ``preprocess``, a tokenizer takes its place."""
        tokenise = self._tokenise()

        def opened(how: Preprocess | Tokenise | None) -> Iterable[Any]:
            return open_data(
                self.data,
                split,
                preprocess=how,
                batch_size=self.batch_size,
                images=self.images,
                seed=seed,
                shuffle=shuffle,
            )

        loader = opened(tokenise or preprocess)
        given = {name: getattr(self, name) for name in ("size", "mean", "std") if getattr(self, name) is not None}
        used = _preprocess_of(loader)
        if given and used is None:
            raise OptionError(f"--{', --'.join(given)} do not apply to '{self.data}': it gives finished batches")
        if given and used is not None:
            loader = opened(replace(used, **given))
        return OpenData(loader, _preprocess_of(loader), self.torch_device())

    def fitted(self, shape: Sequence[int]) -> Self:
        """The same for a network whose (first) input has this shape: texts as rows of as many tokens as it takes.

        Raises:
            OptionError: ``--size`` or ``--length`` give other inputs, which is said before any is made.
        """
        if self.size is not None and (len(shape) != 3 or tuple(shape[1:]) != (self.size, self.size)):
            raise OptionError(
                f"--size {self.size} gives images [C, {self.size}, {self.size}], the network takes {list(shape)}; "
                "leave --size out, or convert again with it"
            )
        if self.tokenizer is None or len(shape) != 1:
            return self
        if self.length not in (None, shape[0]):
            raise OptionError(
                f"--length {self.length} gives rows of {self.length} tokens, the network takes {shape[0]}; leave "
                "--length out, or convert again with it"
            )
        return replace(self, length=shape[0])

    def _tokenise(self) -> Tokenise | None:
        if self.tokenizer is None:
            if self.length is not None:
                raise OptionError("--length is that of texts; give --tokenizer too")
            return None
        return Tokenise(self.tokenizer) if self.length is None else Tokenise(self.tokenizer, self.length)

    def torch_device(self) -> torch.device:
        """The device by name.

        Raises:
            OptionError: there is no such device here, or it cannot compute.
        """
        try:
            device = torch.device(self.device)
            torch.ones(1, device=device).add(1).item()  # the device `meta` has no values
        except Exception as error:  # every backend has errors of its own, missing modules among them
            raise OptionError(f"device '{self.device}' cannot compute here; see isospike doctor") from error
        return device


@dataclass(frozen=True)
class OpenData:
    """Batches ready to run."""

    loader: Iterable[Any]
    preprocess: Preprocess | None
    """What was applied to the images; ``None`` for finished batches."""
    device: torch.device

    @property
    def count(self) -> int | None:
        """Number of images, where it is known."""
        return len(self.loader.dataset) if isinstance(self.loader, DataLoader) else None  # type: ignore[arg-type]

    @property
    def batches(self) -> int | None:
        """Number of batches, where it is known."""
        return len(self.loader) if isinstance(self.loader, DataLoader) else None


def _preprocess_of(loader: Iterable[Any]) -> Preprocess | None:
    if isinstance(loader, DataLoader) and isinstance(loader.dataset, ImageDataset):
        return loader.dataset.preprocess
    return None
