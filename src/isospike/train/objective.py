"""What a training minimises: the error on labels, or the divergence from a teacher."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isospike.errors import OptionError, TrainingError
from isospike.tasks import Classification
from isospike.train.recipe import Recipe

LEARNED = Classification()
"""What a training is for."""
(MEASURE,) = LEARNED.score([(2,)]).measures
"""What the share of hits is called, whatever the number of classes."""
Objective = Callable[[Tensor, Any, Tensor], tuple[Tensor, Tensor]]
"""Inputs ``[B, ...]``, scores ``[B, classes]`` and labels ``[B]`` to the mean loss and the number of hits."""


def objective(recipe: Recipe, teacher: nn.Module | None) -> Objective:
    """The objective of a recipe, see `isospike.train.fit`.

    Raises:
        OptionError: the recipe wants a teacher and there is none, or the other way round.
    """
    if bool(recipe.distillation) != (teacher is not None):
        missing = "teacher=, the unquantised network" if recipe.distillation else "recipe.distillation, its temperature"
        raise OptionError(f"distillation needs a teacher and a temperature; give {missing}")
    if teacher is None:
        return lambda inputs, scores, labels: _from_labels(scores, labels, recipe.label_smoothing)
    fixed = teacher.eval().requires_grad_(False)
    return lambda inputs, scores, labels: _from_teacher(scores, fixed(inputs), recipe.distillation)


def _from_labels(scores: Any, labels: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
    _check_scores(scores, len(labels))
    if labels.device.type == "cpu" and not 0 <= int(labels.min()) <= int(labels.max()) < scores.shape[1]:
        raise OptionError(
            f"labels lie in {int(labels.min())}..{int(labels.max())}, but the model has {scores.shape[1]} classes"
        )
    return F.cross_entropy(scores, labels, label_smoothing=smoothing), _hits(scores, labels)


def _from_teacher(scores: Any, wanted: Any, temperature: float) -> tuple[Tensor, Tensor]:
    _check_scores(scores, len(wanted))
    _check_scores(wanted, len(scores))
    if wanted.shape != scores.shape:
        raise TrainingError(f"the teacher has {wanted.shape[1]} classes, the network {scores.shape[1]}")
    if not wanted.isfinite().all():
        raise TrainingError("the teacher's scores are not finite; see its weights")
    own = (_wide(scores) / temperature).log_softmax(1)
    target = (_wide(wanted) / temperature).log_softmax(1)
    divergence = F.kl_div(own, target, reduction="batchmean", log_target=True)
    return temperature**2 * divergence, _hits(scores, LEARNED.decide(wanted))


def _wide(scores: Tensor) -> Tensor:
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def _hits(scores: Tensor, classes: Tensor) -> Tensor:
    return LEARNED.right(LEARNED.decide(scores.detach()), classes).sum()


def _check_scores(scores: Any, samples: int) -> None:
    if not isinstance(scores, Tensor) or scores.dim() != 2 or len(scores) != samples:
        found = list(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise TrainingError(f"the model returns {found}; training needs scores [B, classes]")
