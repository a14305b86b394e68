"""What does not go with an exit rule is refused in one line that names both."""

from __future__ import annotations

import dataclasses

import pytest
import torch

import isospike as iso
from isospike.errors import IsospikeError, OptionError, SimulationError
from networks import ALL
from short_methods import EMITTING, METHODS, PROBING, WHOLE

X = ALL["module_relu"].inputs(3)
RULE = iso.exits.Confidence(0.5)


@pytest.fixture(scope="module")
def snn(converted):
    return converted("module_relu", METHODS["maximum"])


def refusal(*args, **options) -> str:
    with pytest.raises(SimulationError) as caught:
        iso.simulate(*args, exit=options.pop("exit", RULE), **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("method", EMITTING)
def test_networks_that_answer_at_the_end(method, converted):
    snn = converted("module_relu", METHODS[method])
    neuron = type(snn.graph.get_submodule(snn.sites[0])).__name__
    for asked in (
        lambda: iso.simulate(snn, X, exit=RULE),
        lambda: iso.evaluate(snn, [X], exit=RULE),
        lambda: iso.choose_threshold(snn, [], steps=4, rule=RULE),
    ):
        with pytest.raises(SimulationError) as caught:
            asked()
        assert "exit rule 'confidence' needs an answer at every step" in str(caught.value)
        assert f"the {neuron} neurons of this network answer only at the end" in str(caught.value)


@pytest.mark.parametrize("method", WHOLE)
def test_networks_that_need_their_whole_train(method, converted):
    snn = converted("module_relu", METHODS[method])
    for asked in (
        lambda: iso.simulate(snn, X, steps=8, exit=RULE),
        lambda: iso.evaluate(snn, [X], steps=8, exit=RULE),
        lambda: iso.choose_threshold(snn, [], steps=8, rule=RULE),
    ):
        with pytest.raises(SimulationError, match=r"exit rule 'confidence' .* 'relu' need their whole train first"):
            asked()


@pytest.mark.parametrize("method", PROBING)
def test_evaluation_below_the_probing_steps(method, converted):
    snn, labels = converted("module_relu", METHODS[method]), torch.zeros(3, dtype=torch.long)
    for steps in ([2], [1, 8]):
        with pytest.raises(SimulationError, match=r"for probing|the run gives those at 3 to 8"):
            iso.evaluate(snn, [(X, labels)], steps=steps)


@pytest.mark.parametrize("name", ["transposed", "upsampled", "tuple_output", "dict_output"])
def test_outputs_that_are_no_classes(name, converted):
    message = refusal(converted(name, METHODS["maximum"]), ALL[name].inputs(2), steps=2)
    assert "exit rule 'confidence'" in message
    assert "compares alternatives such as classes" in message


def test_records_and_states(snn):
    assert "outputs=True" in refusal(snn, X, steps=4, record=iso.Record())
    assert "answers at steps [2]" in refusal(snn, X, steps=4, record=iso.Record(outputs=False, at=(2,)))
    state = iso.simulate(snn, X, steps=2).state
    assert "state of an earlier run" in refusal(snn, X, steps=4, state=state)
    assert iso.simulate(snn, X, steps=2, exit=RULE).state is None


def test_what_any_run_refuses(snn):
    assert "say how many" in refusal(snn, X)
    assert "from 1 to 1,000,000" in refusal(snn, X, steps=0)
    assert "from 1 to 1,000,000" in refusal(snn, X, steps=10**13)
    assert "the network takes images" in refusal(snn, X[:, :1], steps=2)
    assert "no codes" in refusal(snn, X, steps=2, record=iso.Record(outputs=False, codes=True))
    assert "isospike.exits.Confidence" in refusal(snn, X, steps=2, exit=0.9)
    assert "isospike.exits.Confidence" in refusal(snn, X, steps=2, exit=iso.exits.Confidence)


def test_a_horizon_below_the_steps(snn):
    rule = iso.exits.DynamicConfidence(0.5, horizon=4)
    for asked in (
        lambda: iso.simulate(snn, X, steps=5, exit=rule),
        lambda: iso.choose_threshold(snn, [X], steps=5, rule=rule),
        lambda: iso.evaluate(snn, [(X, torch.zeros(3, dtype=torch.long))], steps=[2, 5], exit=rule),
    ):
        with pytest.raises(
            OptionError, match="dynamic-confidence: the rule is for runs of up to 4 steps, this one has 5"
        ):
            asked()
    assert iso.simulate(snn, X, steps=4, exit=rule).steps == 4


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: iso.exits.Confidence(1.5), "confidence: threshold must be a number from 0 to 1, got 1.5"),
        (lambda: iso.exits.Confidence(float("nan")), "threshold must be a number from 0 to 1"),
        (lambda: iso.exits.Confidence("0.5"), "threshold must be a number"),
        (lambda: iso.exits.Confidence(True), "threshold must be a number"),
        (lambda: iso.exits.Confidence(0.5, temperature=0.0), "temperature must be a finite number above 0"),
        (
            lambda: iso.exits.Entropy(0.5, temperature=float("inf")),
            "entropy: temperature must be a finite number above 0",
        ),
        (lambda: iso.exits.Entropy(-0.1), "entropy: threshold must be a number from 0 to 1, got -0.1"),
        (lambda: iso.exits.DynamicConfidence(0.5, 0), "dynamic-confidence: horizon must be a whole number"),
        (lambda: iso.exits.DynamicConfidence(0.5, 2.5), "dynamic-confidence: horizon must be a whole number"),
    ],
)
def test_values_out_of_range(made, message):
    with pytest.raises(OptionError) as caught:
        made()
    assert message in str(caught.value)


def test_rules_have_names_and_papers():
    assert list(iso.exits.exits) == ["confidence", "dynamic-confidence", "entropy"]
    for name, kind in iso.exits.exits.items():
        assert kind.name() == name
        rule = kind(0.5, 8)
        assert iso.cite(rule).count("@") == len(rule.papers) == 1
        with pytest.raises(dataclasses.FrozenInstanceError):
            rule.threshold = 0.1  # type: ignore[misc]
    with pytest.raises(IsospikeError, match="did you mean confidence"):
        iso.exits.exits["confidnce"]


def test_scores_of_float32_reach_near_one():
    """Half of the probabilities above 1 - 1e-7 have no number in float32."""
    answer = torch.tensor([[20.0, 0.0], [18.0, 0.0]])
    low, high = sorted(iso.exits.Confidence(0.5, temperature=1.0).score(answer, 1).tolist())
    assert low < high < 1
