"""F1, Matthews and both correlations beside scikit-learn's and SciPy's, whatever the cut into batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score, matthews_corrcoef

from isospike.errors import DataError, TaskError
from isospike.tasks import Classification, Regression, Score, Task

ROUNDING = 1e-12
"""Of shares and sums of some hundred float64 numbers in another order."""


def scored(task: Task, outputs: torch.Tensor, targets: torch.Tensor, cut: int) -> Score:
    shapes = [tuple(outputs.shape[1:])]
    parts = []
    for y, t in zip(outputs.split(cut), targets.split(cut), strict=True):
        parts.append(task.score(shapes))
        parts[-1].update(task.decide(y), task.read_targets(t, shapes, len(y)))
    for other in parts[1:]:
        parts[0].merge(other)
    return parts[0]


def logits(classes: torch.Tensor, count: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(classes, count).double()


def drawn(seed: int, samples: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return tuple(torch.randint(classes, (samples,), generator=generator) for _ in range(2))


@given(st.integers(0, 500), st.integers(1, 40), st.integers(2, 5), st.sampled_from([1, 7, 40]))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_figures_of_decisions(seed, samples, classes, cut):
    answers, right = drawn(seed, samples, classes)
    for measure in ("f1", "matthews"):
        task = Classification(measure=measure)
        first, accuracy = scored(task, logits(answers, classes), right, cut).values()
        if measure == "matthews":
            expected = matthews_corrcoef(right, answers)
        elif classes == 2:
            expected = f1_score(right, answers, zero_division=0)
        else:
            expected = f1_score(right, answers, labels=range(classes), average="macro", zero_division=0)
        assert first.value == pytest.approx(expected, abs=ROUNDING)
        assert (first.measure.key, accuracy.measure.key) == (measure, "top1")
        assert accuracy.value == pytest.approx(float((answers == right).double().mean()), abs=ROUNDING)


@given(st.integers(0, 500), st.integers(2, 40), st.integers(1, 6), st.sampled_from([1, 7, 40]))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_correlations(seed, samples, ties, cut):
    """With whole numbers of few values there are ties, which share the mean of their ranks."""
    x, y = drawn(seed, samples, ties + 1)
    x, y = x.double(), y.double()
    if len(x.unique()) == 1 or len(y.unique()) == 1:
        expected = {"pearson": 0.0, "spearman": 0.0}
    else:
        expected = {"pearson": pearsonr(x, y).statistic, "spearman": spearmanr(x, y).statistic}
    for measure in expected:
        found = scored(Regression(measure=measure), x[:, None], y, cut).values()
        assert found[0].measure.key == measure
        assert {one.measure.key: one.value for one in found} == pytest.approx(expected, abs=ROUNDING)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("measure", ["f1", "matthews"])
def test_intervals_of_decisions_hold_their_level(measure, classes):
    """Of 400 draws of 150 samples 95 % hold what all samples together give."""
    generator = torch.Generator().manual_seed(0)
    right = (torch.rand(40_000, generator=generator) ** 1.5 * classes).long()
    wrong = torch.randint(classes, right.shape, generator=generator)
    answers = torch.where(torch.rand(right.shape, generator=generator) < 0.6, right, wrong)
    _level(Classification(measure=measure), logits(answers, classes), right, generator)


@pytest.mark.parametrize("measure", ["pearson", "spearman"])
def test_intervals_of_correlations_hold_their_level(measure):
    generator = torch.Generator().manual_seed(0)
    targets = torch.randn(40_000, generator=generator, dtype=torch.float64)
    outputs = targets + torch.randn(targets.shape, generator=generator, dtype=torch.float64)
    _level(Regression(measure=measure), outputs[:, None], targets, generator)


def _level(task: Task, outputs: torch.Tensor, targets: torch.Tensor, generator: torch.Generator) -> None:
    truth, held = scored(task, outputs, targets, 40_000).value().value, 0
    for _ in range(400):
        some = torch.randint(len(targets), (150,), generator=generator)
        low, high = scored(task, outputs[some], targets[some], 150).value().interval
        held += low <= truth <= high
    assert 0.91 <= held / 400 <= 0.985  # binomial with p = 0.95: three standard errors


@pytest.mark.parametrize("measure", ["f1", "matthews", "pearson", "spearman"])
def test_knowing_nothing_is_chance(measure):
    """The best constant answer, of F1 all in class 1, is worth no more than what is called chance."""
    _, right = drawn(3, 200, 2)
    task = Regression(measure=measure) if measure in ("pearson", "spearman") else Classification(measure=measure)
    outputs = torch.ones(200, 1).double() if isinstance(task, Regression) else logits(torch.ones(200).long(), 2)
    found = scored(task, outputs, right.double() if isinstance(task, Regression) else right, 50).value()
    assert found.value == pytest.approx(found.chance, abs=ROUNDING)


def test_correlations_are_of_one_number():
    with pytest.raises(
        TaskError, match=r"one number for each sample for measure=spearman; the network puts out \[B, 3\]"
    ):
        Regression(measure="spearman").check_outputs([(3,)])


@pytest.mark.parametrize("task", [Classification(measure="f1"), Regression(measure="pearson")])
def test_nothing_has_no_figure(task):
    with pytest.raises(DataError, match="no sample"):
        task.score([(1,)]).values()


def test_one_logit_has_an_f1():
    answers, right = drawn(5, 60, 2)
    found = scored(Classification(measure="f1"), (answers.double() - 0.5), right, 60).value()
    assert found.value == pytest.approx(f1_score(right, answers), abs=ROUNDING)
    assert np.isfinite(found.interval).all()
