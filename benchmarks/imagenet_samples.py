r"""1,000 labelled ImageNet images for `--data`: the even half calibrates, the odd half measures.

    isospike convert bit-coded FOLDER/models.py:mobilenet_v2 --sites rectifiers \
        --data benchmarks/imagenet_samples.py:mobilenet_calibration --out net.snn
    isospike evaluate net.snn --data benchmarks/imagenet_samples.py:mobilenet_test

FOLDER, named by ISOSPIKE_MODELS, holds ``models.py`` with the networks and ``imagenet_samples()``. The images are from
the training side: they measure the gap between ANN and SNN, not the accuracy.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

BATCH = 25


def mobilenet_calibration() -> Iterator[tuple[Tensor, Tensor]]:
    return _batches(0, lambda models: models.mobilenet_input)


def mobilenet_test() -> Iterator[tuple[Tensor, Tensor]]:
    return _batches(1, lambda models: models.mobilenet_input)


def squeezenet_calibration() -> Iterator[tuple[Tensor, Tensor]]:
    return _batches(0, lambda models: models.squeezenet_input)


def squeezenet_test() -> Iterator[tuple[Tensor, Tensor]]:
    return _batches(1, lambda models: models.squeezenet_input)


def _batches(half: int, preprocessing: Callable[[Any], Callable[[Any], Tensor]]) -> Iterator[tuple[Tensor, Tensor]]:
    sys.path.insert(0, os.environ["ISOSPIKE_MODELS"])
    import models

    images, labels = models.imagenet_samples()
    prepare = preprocessing(models)
    for start in range(half, len(images), 2 * BATCH):
        chosen = slice(start, start + 2 * BATCH, 2)
        yield prepare(images[chosen]), torch.from_numpy(labels[chosen])
