"""Images that networks are measured on, with the ANN's class of each, found once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isospike.calibrate.batches import inputs_of
from isospike.calibrate.collect import check_inputs
from isospike.capture.graph import Graph
from isospike.compare.identity import image_digests
from isospike.data.stream import stream
from isospike.errors import DataError, SimulationError
from isospike.executors.leaving import class_count
from isospike.measure.accuracy import check_range, labelled
from isospike.measure.tally import classes_of
from isospike.messages import with_article


@dataclass(frozen=True)
class Part:
    """One batch."""

    inputs: Tensor
    """Images ``[B, ...]``."""
    labels: Tensor | None
    """Their classes ``[B]``, where they are known."""
    expected: Tensor
    """The ANN's classes ``[B]``."""

    def first(self, count: int) -> Part:
        """At most so many images of it."""
        labels = None if self.labels is None else self.labels[:count]
        return Part(self.inputs[:count], labels, self.expected[:count])


class ReferenceImages:
    """Test images as often as they are wanted; the ANN runs once, when this is made.

    Args:
        ann: the captured network, with one output ``[B, classes]``.
        data: batches ``(inputs [B, ...], labels [B])`` or of inputs alone, or one tensor of inputs.
        purpose: what the images are for, as messages say it.

    Raises:
        DataError: no image, wrong labels or only some, a one-shot iterator, or the data's own code raised.
        CalibrationError: images that do not fit the network.
        SimulationError: the network's output is not ``[B, classes]``.
    """

    def __init__(self, ann: Graph, data: Iterable[Any], *, purpose: str = "test") -> None:
        classes = class_count(ann)
        if classes is None:
            raise SimulationError(
                "the network's output is not one tensor [B, classes]; its accuracy cannot be compared"
            )
        if not isinstance(data, Iterable) or isinstance(data, Iterator):
            raise DataError(
                f"the {purpose} images are {with_article(data)}; every method reads them anew: give a list or a data "
                "loader"
            )
        self._purpose = purpose
        self._data: Iterable[Any] = [data] if isinstance(data, Tensor) else data
        self._expected: list[Tensor] = []
        self._digests: list[bytes] = []
        self.digests: list[bytes] = []
        self._labels: list[int] = []
        right: list[Tensor] = []
        kinds = set()
        with torch.no_grad():
            for batch in stream(self._data):
                inputs, labels = _parts(batch, classes)
                check_inputs(ann, inputs, purpose)
                expected = classes_of(ann, inputs)
                self._expected.append(expected)
                found = image_digests(inputs)
                self._digests.append(_digest(found, labels))
                self.digests += found
                self._labels += [] if labels is None else labels.tolist()
                kinds.add(labels is not None)
                known = expected if labels is None else labels.to(expected.device)
                right.append((expected == known).cpu())
        if not self.digests:
            raise DataError(f"the {purpose} data hold no image; give at least one batch")
        if len(kinds) > 1:
            raise DataError(f"only some {purpose} batches have labels; give all of them labels, or none")
        (self.labelled,) = kinds
        self._right = torch.cat(right)

    @property
    def images(self) -> int:
        """Number of images."""
        return len(self.digests)

    @property
    def top1(self) -> float | None:
        """Top-1 accuracy of the ANN, 0 to 1; ``None`` without labels."""
        return self.right_of(self.images) / self.images if self.labelled else None

    @property
    def digest(self) -> str:
        """Of all images and labels in order, however they are cut into batches."""
        return hashlib.sha256(b"".join(self.digests) + str(self._labels).encode()).hexdigest()

    def batches(self, most: int | None = None) -> Iterator[Part]:
        """The batches again, up to ``most`` images.

        Raises:
            DataError: the data give other images than the first time.
        """
        left = self.images if most is None else most
        number = 0
        for number, batch in enumerate(stream(self._data), 1):
            inputs, labels = _parts(batch, None)
            if number > len(self._digests) or _digest(image_digests(inputs), labels) != self._digests[number - 1]:
                raise DataError(
                    f"batch {number} of the {self._purpose} data is another one when it is read again; {AGAIN}"
                )
            yield Part(inputs, labels, self._expected[number - 1]).first(left)
            left -= len(inputs)
            if left <= 0:
                return
        raise DataError(f"the {self._purpose} data end after batch {number} when they are read again; {AGAIN}")

    def right_of(self, most: int) -> int:
        """How many of the first images the ANN is right on; all without labels."""
        return int(self._right[:most].sum())


AGAIN = "give a data loader without shuffling and random augmentation, or a list"


def _parts(batch: Any, classes: int | None) -> tuple[Tensor, Tensor | None]:
    """Inputs and, where there are any, labels."""
    if isinstance(batch, Tensor | Mapping) or (isinstance(batch, tuple | list) and len(batch) == 1):
        return inputs_of(batch), None
    inputs, labels = labelled(batch)
    if classes is not None:
        check_range(labels, classes)
    return inputs, labels


def _digest(images: list[bytes], labels: Tensor | None) -> bytes:
    digest = hashlib.sha256(b"".join(images))
    if labels is not None:
        digest.update(str(labels.tolist()).encode())
    return digest.digest()
