"""Samples that networks are measured on, with the ANN's answer to each, found once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from isospike.calibrate.collect import check_inputs
from isospike.comparison.identity import image_digests
from isospike.data.reading import Given, Layout, batches_of, looked_ahead, read_batches
from isospike.digests import tensor_bytes
from isospike.errors import DataError
from isospike.graphs.graph import Graph
from isospike.inputs import Inputs
from isospike.measure.tally import decided
from isospike.messages import with_article
from isospike.tasks import Interval, Judge, Measure, Measures, Metric, Score, TaskChoice, choose_task, tensors_of


@dataclass(frozen=True)
class Part:
    """One batch."""

    inputs: Inputs
    """Samples ``[B, ...]``, or sequences ``[T, B, ...]``."""
    targets: Any
    """As the judge reads them, where they are known."""
    expected: Any
    """What the judge decided of the ANN's outputs."""
    samples: int
    """Number of samples."""


class ReferenceImages:
    """Test samples as often as they are wanted; the ANN runs once, when this is made.

    Args:
        ann: the captured network.
        data: batches ``(inputs [B, ...], targets)``, mappings, or of inputs alone; see `isospike.data.reading`.
        task: what the answers are for; by default what the outputs and the targets look like.
        purpose: what the samples are for, as messages say it.
        layout: where the time of sequences is, see `isospike.data.reading`.
        steps: how many of a sequence networks are run for at most; the ANN sees the mean of these.

    Raises:
        DataError: no sample, wrong targets or only some, a one-shot iterator, or the data's own code raised.
        CalibrationError: samples that do not fit the network.
        TaskError: the task does not fit the network's outputs.
    """

    def __init__(
        self,
        ann: Graph,
        data: Iterable[Any],
        *,
        task: TaskChoice = None,
        purpose: str = "test",
        layout: Layout | None = None,
        steps: int | None = None,
    ) -> None:
        if not isinstance(data, Iterable) or isinstance(data, Iterator):
            raise DataError(
                f"the {purpose} images are {with_article(data)}; every method reads them anew: give a list or a data "
                "loader"
            )
        self._purpose = purpose
        self._how: dict[str, Any] = {
            "shape": ann.input_shape,
            "names": ann.input_names,
            "layout": layout,
            "steps": steps,
        }
        self._data: Iterable[Any] = batches_of(data)
        self._expected: list[Any] = []
        self._digests: list[bytes] = []
        self.digests: list[bytes] = []
        first, batches = looked_ahead(read_batches(self._data, **self._how))
        shapes = ann.output_shapes
        self.judge = Judge(choose_task(task, shapes, targets=first.targets), shapes, ann.output_names)
        self._ann = dict[int, Score]()
        whole, same, targets_digest = self.judge.score(), self.judge.agreement(), hashlib.sha256()
        with torch.no_grad():
            for given in batches:
                targets = self.judge.read(given.targets, given.samples)
                check_inputs(ann, given.still, purpose)
                expected = decided(self.judge, ann, given.still)
                self._expected.append(expected)
                same.update(expected, expected)
                if targets is not None:
                    whole.update(expected, targets)
                    _add(targets_digest, targets)
                found = image_digests(given.by_sample)
                self._digests.append(_digest(found, targets))
                self.digests += found
        self._ann[self.images] = whole
        self._chance = (whole if self.judge.labelled else same).value().chance
        self.digest = hashlib.sha256(b"".join(self.digests) + targets_digest.digest()).hexdigest()
        """Of all samples and targets in order, however they are cut into batches."""

    @property
    def images(self) -> int:
        """Number of samples."""
        return len(self.digests)

    @property
    def labelled(self) -> bool:
        """Whether the samples have targets."""
        return bool(self.judge.labelled)

    @property
    def measures(self) -> Measures:
        """What ``score`` and ``agreement`` mean."""
        return {"score": self.judge.score().measures[0], "agreement": self.judge.agreement().measures[0]}

    @property
    def metric(self) -> Metric:
        """By which of the two networks are ranked: ``score``, or without targets ``agreement``."""
        return "score" if self.labelled else "agreement"

    @property
    def measure(self) -> Measure:
        """What networks are ranked by."""
        return self.measures[self.metric]

    @property
    def score(self) -> float | None:
        """The ANN's score; ``None`` without targets."""
        return self.ann(self.images) if self.labelled else None

    @property
    def interval(self) -> Interval | None:
        """The interval of the ANN's score."""
        return self._ann[self.images].value().interval if self.labelled else None

    @property
    def chance(self) -> float | None:
        """The figure of a network that knows nothing of its input, by what networks are ranked by."""
        return self._chance

    def ann(self, most: int) -> float:
        """The ANN's figure on the first samples; without targets that of an answer which is its own."""
        if not self.labelled:
            perfect = self.measure.perfect
            assert perfect is not None, "an agreement has a figure for equal answers"
            return perfect
        if most not in self._ann:
            self._ann[most] = self.judge.score()
            for part in self.batches(most):
                self._ann[most].update(part.expected, part.targets)
        return self._ann[most].value().value

    def batches(self, most: int | None = None) -> Iterator[Part]:
        """The batches again, up to ``most`` samples.

        Raises:
            DataError: the data give other samples than the first time.
        """
        left = self.images if most is None else most
        number = 0
        for number, given in enumerate(read_batches(self._data, **self._how), 1):
            yield self._part(number, given, left)
            left -= given.samples
            if left <= 0:
                return
        raise DataError(f"the {self._purpose} data end after batch {number} when they are read again; {AGAIN}")

    def _part(self, number: int, given: Given, left: int) -> Part:
        """A batch with the ANN's answers, of at most that number of samples; refused if it has changed."""
        targets = None if given.targets is None else self.judge.read(given.targets, given.samples)
        found = _digest(image_digests(given.by_sample), targets)
        if number > len(self._digests) or found != self._digests[number - 1]:
            raise DataError(f"batch {number} of the {self._purpose} data is another one when it is read again; {AGAIN}")
        expected = _cut(self._expected[number - 1], left)
        return Part(given.first(left), _cut(targets, left), expected, min(left, given.samples))


AGAIN = "give a data loader without shuffling and random augmentation, or a list"


def _cut(value: Any, most: int) -> Any:
    """What belongs to the first samples."""
    return pytree.tree_map_only(Tensor, lambda leaf: leaf[:most], value)


def _digest(images: list[bytes], targets: Any) -> bytes:
    digest = hashlib.sha256(b"".join(images))
    _add(digest, targets)
    return digest.digest()


def _add(digest: Any, targets: Any) -> None:
    """Add targets sample after sample, so that the cut into batches does not matter."""
    tensors = tensors_of(targets)
    if len(tensors) == 1:
        digest.update(tensor_bytes(tensors[0]))
        return
    for sample in zip(*tensors, strict=True):
        for part in sample:
            digest.update(tensor_bytes(part))
