"""Scores beside naive references, whatever the cut into batches or processes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score

from isospike.errors import DataError
from isospike.intervals import interval
from isospike.tasks import Classification, Regression, Score, tasks

ROUNDING = 1e-12
"""Relative, of sums of some hundred float64 numbers in another order."""


def values(shape: tuple[int, ...], seed: int, shift: float = 0.0) -> torch.Tensor:
    return shift + torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def scored(task, outputs: torch.Tensor, targets: torch.Tensor, cut: int) -> Score:
    shapes = [tuple(outputs.shape[1:])]
    score = task.score(shapes)
    for y, t in zip(outputs.split(cut), targets.split(cut), strict=True):
        score.update(task.decide(y), task.read_targets(t, shapes, len(y)))
    return score


@given(st.integers(0, 1000), st.sampled_from([(), (1,), (3,), (2, 4, 5)]), st.sampled_from([0.0, 5.0, 1e4]))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_the_figures_of_regression_by_hand(seed, shape, shift):
    y, t = values((40, *shape), seed, shift), values((40, *shape), seed + 1, shift)
    found = {one.measure.key: one for one in scored(Regression(), y, t, 7).values()}
    error, rows = (y - t).square(), t.reshape(40, -1)
    assert found["relative_error"].value == pytest.approx(math.sqrt(error.mean() / t.square().mean()), rel=ROUNDING)
    assert found["rmse"].value == pytest.approx(math.sqrt(error.mean()), rel=ROUNDING)
    if len(shape) < 2:
        expected = r2_score(rows, y.reshape(40, -1), multioutput="variance_weighted")
        assert found["r2"].value == pytest.approx(expected, rel=1e-9)  # differences of squares around a large mean
    assert ("psnr" in found) == (len(shape) == 3)
    if "psnr" in found:
        assert found["psnr"].value == pytest.approx(float(10 * torch.log10(1 / error.mean())), rel=ROUNDING)
    constant = t.mean(0) if len(shape) < 2 else t.mean((0, 2, 3))[:, None, None]
    best = {one.measure.key: one.value for one in scored(Regression(), constant.expand_as(t), t, 40).values()}
    for key, one in found.items():
        assert one.chance == pytest.approx(best[key], rel=1e-6, abs=1e-9)  # a constant answer is chance


@pytest.mark.parametrize("measure", ["relative_error", "rmse", "psnr"])
def test_the_interval_holds_its_level(measure):
    """Of 400 draws of 60 samples 95 % hold what all samples together give."""
    task, generator = Regression(measure=measure), torch.Generator().manual_seed(0)
    t = torch.randn(20_000, 1, 2, 2, generator=generator, dtype=torch.float64)
    y = t + 0.3 * torch.randn(t.shape, generator=generator, dtype=torch.float64)
    truth = scored(task, y, t, 20_000).value()
    assert truth.measure.key == measure
    held = 0
    for _ in range(400):
        some = torch.randint(len(t), (60,), generator=generator)
        low, high = scored(task, y[some], t[some], 60).value().interval
        held += low <= truth.value <= high
    assert 0.91 <= held / 400 <= 0.985  # binomial with p = 0.95: three standard errors


@given(st.integers(0, 100), st.integers(1, 30), st.integers(2, 6))
@settings(deadline=None, max_examples=40, derandomize=True)
def test_the_share_of_right_answers_by_hand(seed, samples, classes):
    y = values((samples, classes), seed)
    t = torch.randint(classes, (samples,), generator=torch.Generator().manual_seed(seed))
    (found,) = scored(Classification(), y, t, 4).values()
    assert found.value == (y.argmax(1) == t).sum() / samples
    assert (found.interval, found.chance, found.count) == (interval(found.value, samples), 1 / classes, samples)


@pytest.mark.parametrize("shape", [(), (1,)])
@pytest.mark.parametrize("kind", [torch.int64, torch.bool, torch.float32])
def test_one_output_is_decided_by_its_sign(shape, kind):
    y = torch.tensor([-2.0, 0.0, 0.1, 3.0]).reshape(4, *shape)
    task, shapes = Classification(), [shape]
    assert task.decide(y).tolist() == [0, 0, 1, 1]
    targets = torch.tensor([0, 1, 1, 0]).to(kind)
    assert scored(task, y, targets, 3).value().value == 0.5
    assert scored(task, y, targets[:, None], 3).value().value == 0.5
    assert torch.allclose(task.logits(y).softmax(1)[:, 1], y.flatten().sigmoid())
    assert task.alternatives(shapes) == 2


@pytest.mark.parametrize("name", tasks)
def test_merged_scores_are_those_of_all_samples(name):
    task = tasks[name]()
    y = values((30, 4), 1)
    t = y.argmax(1) if name == "classification" else values((30, 4), 2)
    whole, one, other = scored(task, y, t, 30), scored(task, y[:11], t[:11], 5), scored(task, y[11:], t[11:], 30)
    one.merge(other)
    for a, b in zip(one.values(), whole.values(), strict=True):
        assert a.value == pytest.approx(b.value, rel=ROUNDING)
        assert (a.interval is None) == (b.interval is None)
        if a.interval is not None and b.interval is not None:
            assert a.interval == pytest.approx(b.interval, rel=1e-9)  # differences of sums of fourth powers
        assert (a.measure, a.count) == (b.measure, b.count)


@pytest.mark.parametrize("name", tasks)
def test_equal_answers_agree_perfectly(name):
    task, shapes = tasks[name](), [(5,)]
    agreement = task.agreement(shapes)
    agreement.update(task.decide(values((6, 5), 0)), task.decide(values((6, 5), 0)))
    found = agreement.value()
    assert found.value == found.measure.perfect
    assert found.measure.loss(found.value, found.measure.perfect) == 0


@pytest.mark.parametrize("name", tasks)
def test_a_score_of_nothing_is_refused(name):
    with pytest.raises(DataError, match="hold no sample"):
        tasks[name]().score([(5,)]).values()


def test_a_silent_answer_is_chance_and_not_agreement():
    """A network that always gives the same number agreed with anything when its largest class was compared."""
    task, t = Regression(), values((50, 1), 3)
    silent = task.agreement([(1,)])
    silent.update(task.decide(torch.zeros(50, 1)), task.decide(t))
    assert silent.value().value == 1
    assert not silent.value().measure.beats(1.0, silent.value().interval, chance=silent.value().chance)
