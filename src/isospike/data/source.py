"""Open a data source by its specification."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
from torch import Tensor
from torch.utils.data import DataLoader

from isospike.data.dataset import Batch, as_is, dataset_of
from isospike.data.images import Images, Split, sources
from isospike.data.preprocess import Preprocess
from isospike.data.python_file import python_batches
from isospike.data.python_object import is_python_spec
from isospike.data.texts import TextBatch
from isospike.data.tokenise import Tokenise
from isospike.errors import DataError
from isospike.options import Count, CountOrZero, check_arguments

__all__ = ["Batches", "Images", "Split", "open_data", "sources"]

Batches: TypeAlias = "DataLoader[tuple[Tensor, Tensor] | Tensor] | DataLoader[TextBatch] | Iterable[Batch]"


def open_data(
    spec: str,
    split: Split,
    *,
    preprocess: Preprocess | Tokenise | None,
    batch_size: int = 100,
    images: int | None = None,
    seed: int = 0,
    shuffle: bool,
) -> Batches:
    """Open ``kind``, ``kind:argument``, ``file.py:function`` or ``package.module:function``.

    Every kind gives a ``DataLoader`` that can be iterated again, always in the same order; its
    ``dataset`` has the number of images as length and the applied ``preprocess``. The user's own
    function gives its batches as they are: no other argument but ``split`` applies to them.

    Args:
        spec: the source, such as ``digits`` or ``npz:images.npz``.
        split: which part, for sources that have parts.
        preprocess: of images; None uses the source's own, else ImageNet's for 3 channels, else only the scale. Of
            texts the tokenizer.
        batch_size: images in a batch; the last one may be smaller.
        images: largest number of images: the first ones, or a random subset with ``shuffle``.
        seed: determines the order with ``shuffle``, and nothing else does.
        shuffle: random order.

    Returns:
        Batches ``(float32 [n, C, H, W], int64 [n])``, or only the images when there are no labels; of texts mappings of
        ``input_ids``, ``attention_mask`` and ``token_type_ids`` int64 ``[n, N]`` in the place of images.

    Raises:
        UnknownNameError: no source has this kind.
        DataError: the source cannot be read, is empty, or does not fit the preprocessing.
        OptionError: ``batch_size`` or ``images`` below 1, or a negative ``seed``.
    """
    check_arguments(Count | None, batch_size=batch_size, images=images)
    check_arguments(CountOrZero, seed=seed)
    kind, _, argument = spec.partition(":")
    if kind not in sources and is_python_spec(spec):
        if isinstance(preprocess, Tokenise):
            raise DataError(f"'{spec}' gives finished batches; a tokenizer is for tsv:FILE, leave it out")
        return python_batches(spec, split)
    source = sources[kind](argument, split)
    if len(source) == 0:
        raise DataError(f"'{spec}' has no {source.items}")
    order = np.random.default_rng(seed).permutation(len(source)) if shuffle else np.arange(len(source))
    return DataLoader(
        dataset_of(source, order[:images], preprocess), batch_size=batch_size, shuffle=False, collate_fn=as_is
    )
