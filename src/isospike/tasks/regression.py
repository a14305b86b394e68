"""Regression: one or more real numbers for each sample, or an image of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import torch
from torch import Tensor

from isospike.errors import DataError
from isospike.messages import counted, with_article
from isospike.ops import family
from isospike.options import Positive
from isospike.tasks.correlation import PEARSON, SPEARMAN, Correlations
from isospike.tasks.measure import Measure, Measured
from isospike.tasks.moments import Moments
from isospike.tasks.task import Score, Shapes, Task, register_task, shown_shapes, tensors_of

_RELATIVE: dict[str, Any] = {"unit": "%", "rising": False, "perfect": 0.0, "least": 0.0, "factor": 100.0}
ERROR = Measure(key="relative_error", name="Relative error", short="relative error", **_RELATIVE)
FROM_ANN = Measure(key="relative_error", name="Relative error from the ANN", short="error from ANN", **_RELATIVE)
RMSE = Measure("rmse", "Root mean square error", "RMSE", "", rising=False, perfect=0.0, least=0.0, digits=4)
R2 = Measure("r2", "Explained variance R2", "R2", "%", rising=True, perfect=1.0, most=1.0, factor=100.0)
_OTHER = "choose another measure"
PSNR = Measure("psnr", "Peak signal-to-noise ratio", "PSNR", "dB", rising=True)


class Errors(Score):
    """Squares of errors and of references, added up over all numbers of all samples.

    Args:
        measures: of the figures, the one that networks are ranked by first.
        peak: the largest value of an image, for the signal-to-noise ratio.
    """

    def __init__(self, measures: Sequence[Measure], peak: float) -> None:
        self.measures, self.peak = tuple(measures), peak
        self.moments = Moments()

    def update(self, answers: list[Tensor], references: list[Tensor]) -> None:
        """Add outputs ``[B, ...]`` beside their references."""
        self.moments.update(answers, references)

    def merge(self, other: Self) -> None:
        """Add what another score has seen."""
        self.moments.merge(other.moments)

    def values(self) -> tuple[Measured, ...]:
        """All figures; chance is the best constant answer, of every channel."""
        if not self.moments.samples:
            raise DataError("the data hold no sample; give at least one batch")
        return tuple(self._figure(measure) for measure in self.measures)

    def _figure(self, measure: Measure) -> Measured:
        found, error = self.moments, self.moments.mean_error
        value = self._of(measure, error)
        sure = None if measure.key == R2.key else found.error_of_mean(relative=measure.key == ERROR.key)
        ends = None if sure is None else [self._of(measure, max(error + sign * 1.96 * sure, 0.0)) for sign in (-1, 1)]
        interval = (min(ends), max(ends)) if ends and all(map(math.isfinite, [*ends, value])) else None
        return Measured(measure, value, found.samples, interval, self._of(measure, found.mean_variance))

    def _of(self, measure: Measure, error: float) -> float:
        """The figure of a mean squared error."""
        if measure.key == RMSE.key:
            return math.sqrt(error)
        if measure.key == R2.key:
            spread = self.moments.mean_variance
            return 1 - error / spread if spread else (1.0 if error == 0 else -math.inf)
        if measure.key == PSNR.key:
            return 10 * math.log10(self.peak**2 / error) if error else math.inf
        size = self.moments.mean_square
        return math.sqrt(error / size if size else error)


@register_task
@dataclass(frozen=True)
class Regression(Task):
    """Real numbers ``[B, ...]`` for each sample: values, or images.

    With answers ``y`` and targets ``t`` over all numbers of all samples: relative error ``rms(y - t) / rms(t)``; RMSE
    ``rms(y - t)``; R2 ``1 - sum (y - t)^2 / sum (t - mean(t))^2`` with the mean of every channel; and for images
    ``[B, C, H, W]`` PSNR ``10 log10(peak^2 / mean((y - t)^2))``, one for all images. Of one number for each sample
    ``pearson`` and ``spearman`` give both correlations instead, as similarities of texts are judged with. The agreement
    is the relative error from the ANN's outputs. Intervals of 95 % are those of a mean over samples (delta method), of
    correlations Fisher's; R2 has none. ``max_drop`` is in the unit of ``measure``: points of relative error, of R2 or
    of a correlation, dB, or the targets' own unit.
    """

    tail = frozenset({family.POINTWISE})
    measure: Literal["relative_error", "rmse", "r2", "psnr", "pearson", "spearman"] = "relative_error"
    """The figure that networks are ranked by."""
    peak: Positive = 1.0
    """The largest value of an image, for the signal-to-noise ratio."""

    def check_outputs(self, shapes: Shapes) -> None:
        """Any tensors; images for the signal-to-noise ratio."""
        if not shapes:
            raise self._refuse_outputs("tensors", shapes, "change what the model returns")
        if self.measure in (PEARSON.key, SPEARMAN.key) and [math.prod(shape) for shape in shapes] != [1]:
            raise self._refuse_outputs(
                f"one number for each sample for measure={self.measure}", shapes, "choose another"
            )
        if self.measure == PSNR.key and not _are_images(shapes):
            raise self._refuse_outputs("images [B, C, H, W] for measure=psnr", shapes, _OTHER)

    def decide(self, outputs: Any) -> list[Tensor]:
        """The outputs themselves."""
        return tensors_of(outputs)

    def score(self, shapes: Shapes) -> Score:
        """All figures of errors, or both correlations."""
        correlations = sorted((PEARSON, SPEARMAN), key=lambda one: one.key != self.measure)
        if correlations[0].key == self.measure:
            return Correlations(correlations)
        measures = [ERROR, RMSE, R2, *([PSNR] if _are_images(shapes) else [])]
        return Errors(sorted(measures, key=lambda one: one.key != self.measure), self.peak)

    def agreement(self, shapes: Shapes) -> Errors:
        """The relative error from the ANN's outputs."""
        return Errors((FROM_ANN,), self.peak)

    def read_targets(self, targets: Any, shapes: Shapes, samples: int) -> list[Tensor]:
        """Finite numbers of the outputs' shapes; axes of size 1 may be missing."""
        found = tensors_of(targets)
        if not found:
            raise DataError(f"the targets are {with_article(targets)}; regression takes tensors {shown_shapes(shapes)}")
        if len(found) != len(shapes):
            raise DataError(f"{counted(len(found), 'target')} for {counted(len(shapes), 'output')}; each needs one")
        return [_fitted(target, shape, samples) for target, shape in zip(found, shapes, strict=True)]


def _are_images(shapes: Shapes) -> bool:
    return all(len(shape) == 3 for shape in shapes)


def _fitted(target: Tensor, shape: tuple[int, ...], samples: int) -> Tensor:
    if target.is_complex() or target.dtype == torch.bool:
        raise DataError(
            f"targets are {target.dtype}; regression takes real numbers, and truth values are for task='classification'"
        )
    if target.dim() == 0 or len(target) != samples:
        given = len(target) if target.dim() else 1
        raise DataError(
            f"a batch has {counted(samples, 'sample')} and {counted(given, 'target')}; each sample needs one"
        )
    if [size for size in target.shape[1:] if size != 1] != [size for size in shape if size != 1]:
        raise DataError(
            f"targets have the shape {list(target.shape)}, the network's output is {shown_shapes([shape])}; give "
            "targets of this shape, or inputs alone for the agreement with the ANN"
        )
    if not target.isfinite().all():
        raise DataError("the targets contain NaN or infinity; leave those samples out")
    return target.reshape(samples, *shape)
