"""The threshold that is chosen does what the choice says; `evaluate` counts what `simulate` does."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import isospike as iso
from isospike.errors import DataError, OptionError, SimulationError
from isospike.measure import ExitPoint
from isospike.measure.exit_threshold import ROUNDING, exit_front
from networks import ALL
from short_methods import METHODS

STEPS = 10
RULES = {
    "confidence": iso.exits.Confidence(0.5, temperature=2.0),
    "dynamic-confidence": iso.exits.DynamicConfidence(0.5, STEPS),
    "entropy": iso.exits.Entropy(0.5, temperature=2.0),
}
X = ALL["module_relu"].inputs(40)


@pytest.fixture(scope="module")
def snn(converted) -> iso.SNN:
    return converted("module_relu", METHODS["percentile"])


def labels_of(snn: iso.SNN) -> torch.Tensor:
    """The ANN's classes, a quarter of them wrong."""
    with torch.no_grad():
        classes = snn.ann()(X).argmax(1)
    classes[::4] = (classes[::4] + 1) % 5
    return classes


@pytest.mark.parametrize("max_drop", [0.0, 0.05, 0.2, 1.0])
@pytest.mark.parametrize("name", RULES)
def test_a_choice_says_what_its_rule_does(name, max_drop, snn):
    y = labels_of(snn)
    parts = [(X[:7], y[:7]), (X[7:], y[7:])]
    choice = iso.choose_threshold(snn, parts, steps=STEPS, rule=RULES[name], max_drop=max_drop)
    plain = iso.evaluate(snn, [(X, y)], steps=STEPS)
    assert (choice.images, choice.labelled, choice.final) == (40, True, plain.metric[STEPS])
    assert choice.chosen in choice.front
    assert choice.rule.threshold == choice.chosen.threshold
    assert choice.chosen.score >= choice.final - max_drop - 1e-12  # one rounding of a difference of shares
    for point in choice.front:
        rule = type(RULES[name])(point.threshold, STEPS if name == "dynamic-confidence" else 2.0)
        found = iso.evaluate(snn, [(X, y)], steps=STEPS, exit=rule)
        assert (found.exit.mean_steps, found.exit.metric) == (point.mean_steps, point.score)
        assert found.metric == plain.metric


OTHERS = {
    "a delay": iso.methods.LocalThresholdBalancing(iterations=4, delay=2),
    "a delay beyond the run": iso.methods.LocalThresholdBalancing(iterations=4, delay=50),
    "probing steps": iso.methods.SRP(probe=3),
    "a set for the run": iso.methods.Opt(steps=(4, STEPS)),
}


@pytest.mark.parametrize("what", OTHERS)
def test_a_choice_knows_of(what, converted):
    snn = converted("module_relu", OTHERS[what])
    y = labels_of(snn)
    for point in iso.choose_threshold(snn, [(X, y)], steps=STEPS, rule=RULES["confidence"]).front:
        found = iso.evaluate(snn, [(X, y)], steps=STEPS, exit=iso.exits.Confidence(point.threshold, temperature=2.0))
        assert (found.exit.mean_steps, found.exit.metric) == (point.mean_steps, point.score)


@given(st.data(), st.sampled_from(list(RULES)), st.integers(1, 5), st.integers(1, 6))
@settings(deadline=None, max_examples=80, derandomize=True)
def test_the_front_is_that_of_all_thresholds(data, name, steps, images):
    rule = RULES[name]
    size = steps * images
    scores = data.draw(st.lists(st.integers(1, 19), min_size=size, max_size=size))
    right = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    front = exit_front(
        rule, torch.tensor(scores).view(steps, images).double() / 20, torch.tensor(right).view(steps, images)
    )
    found: dict[float, float] = {}
    for tick in range(21):  # the middles between all scores, and the threshold that is never met
        threshold = (tick + 0.5) / 20 if tick < 20 else rule.never
        used = hits = 0
        for image in range(images):
            column = [score / 20 for score in scores[image::images]]
            passed = [t for t, score in enumerate(column) if rule.sign * score > rule.sign * threshold]
            step = passed[0] if passed else steps - 1
            used, hits = used + step + 1, hits + right[image::images][step]
        found[used / images] = hits / images
    expected = []
    for mean_steps, accuracy in sorted(found.items()):
        if not expected or accuracy > expected[-1][1]:
            expected.append((mean_steps, accuracy))
    assert [(point.mean_steps, point.score) for point in front] == expected


def test_scores_within_rounding_are_not_parted():
    scores = torch.tensor([[0.5, 0.5 + ROUNDING / 4, 0.7]] * 2, dtype=torch.float64)
    right = torch.tensor([[False, True, False], [True, True, True]])
    front = exit_front(RULES["confidence"], scores, right)
    points = (
        ExitPoint(0.25, 1.0, 1 / 3),
        ExitPoint(pytest.approx(0.6, abs=ROUNDING), 5 / 3, 2 / 3),
        ExitPoint(1.0, 2.0, 1.0),
    )
    assert front == points
    near_one = torch.tensor([[1 - 1e-9, 1 - 1e-10, 1 - 1e-11]] * 2, dtype=torch.float64)
    assert [point.mean_steps for point in exit_front(RULES["confidence"], near_one, right)] == [1.0, 4 / 3, 2.0]


def test_one_step_leaves_no_choice(snn):
    choice = iso.choose_threshold(snn, [X], steps=1, rule=RULES["entropy"])
    assert [(point.threshold, point.mean_steps) for point in choice.front] == [(0.0, 1.0)]


def test_without_labels_the_last_answer_is_right(snn):
    choice = iso.choose_threshold(snn, [X[:10], X[10:]], steps=STEPS, rule=RULES["confidence"])
    final = snn(X, steps=STEPS).argmax(1)
    assert (choice.labelled, choice.final) == (False, 1.0)
    run = iso.simulate(snn, X, steps=STEPS, exit=choice.rule)
    assert torch.equal(run.output.argmax(1), final)
    assert run.exit_steps.double().mean() == choice.chosen.mean_steps < STEPS


def test_choices_repeat_whatever_the_batches(snn):
    y = labels_of(snn)
    choices = [
        iso.choose_threshold(snn, list(zip(X.split(n), y.split(n), strict=True)), steps=STEPS, rule=RULES["confidence"])
        for n in (40, 40, 9)
    ]
    assert choices[0] == choices[1]
    assert choices[0].chosen.mean_steps == choices[2].chosen.mean_steps


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ([], DataError, "no sample"),
        ([X, (X, torch.zeros(40).long())], DataError, "only some batches have targets"),
        ([(X, torch.full((40,), 5))], DataError, "the network has classes 0 to 4"),
        ([(X, torch.zeros(3).long())], DataError, "40 samples and 3 labels"),
    ],
)
def test_data_that_do_not_fit(data, kind, message, snn):
    with pytest.raises(kind, match=message):
        iso.choose_threshold(snn, data, steps=2, rule=RULES["confidence"])


@pytest.mark.parametrize("max_drop", [-0.1, 1.1, float("nan"), "0.5", True])
def test_drops_out_of_range(max_drop, snn):
    with pytest.raises(OptionError, match="max_drop must be a number from 0 to 1"):
        iso.choose_threshold(snn, [X], steps=2, rule=RULES["confidence"], max_drop=max_drop)


def test_arguments_of_another_type(snn):
    with pytest.raises(SimulationError, match=r"isospike\.convert"):
        iso.choose_threshold(snn.graph, [X], steps=2, rule=RULES["confidence"])
    with pytest.raises(SimulationError, match=r"isospike\.exits"):
        iso.choose_threshold(snn, [X], steps=2, rule="confidence")
    with pytest.raises(SimulationError, match="from 1 to"):
        iso.choose_threshold(snn, [X], steps=0, rule=RULES["confidence"])


def test_counts_are_those_of_the_run(snn):
    y, rule = labels_of(snn), RULES["confidence"]
    run = iso.simulate(snn, X, steps=STEPS, exit=rule)
    with torch.no_grad():
        ann = snn.ann()(X).argmax(1)
    found = iso.evaluate(snn, [(X[:30], y[:30]), (X[30:], y[30:])], steps=[2, STEPS], exit=rule).exit
    assert found.rule == rule
    assert found.images == 40
    assert found.metric == (run.output.argmax(1) == y).sum() / 40
    assert found.agreement == (run.output.argmax(1) == ann).sum() / 40
    assert found.spikes == sum(int(counts.sum()) for counts in run.spikes.values()) / 40
    assert list(found.histogram) == list(range(1, STEPS + 1))
    assert all(count == (run.exit_steps == step).sum() for step, count in found.histogram.items())
    assert found.mean_steps == run.exit_steps.double().mean()
    assert found.left_early == (run.exit_steps < STEPS).sum() / 40
