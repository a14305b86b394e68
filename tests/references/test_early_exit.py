"""Exit rules against plain loops written from the papers."""

from __future__ import annotations

from collections.abc import Callable

import early_exit
import pytest
import torch

import isospike as iso
from networks import ALL
from short_methods import METHODS

STEPS = 12
RULES: dict[str, tuple[Callable[[float], iso.exits.ExitRule], Callable[..., tuple[int, int]]]] = {
    "confidence": (lambda h: iso.exits.Confidence(h, temperature=2.0), lambda y, h: early_exit.seenn(y, h, 2.0)),
    "dynamic-confidence": (lambda h: iso.exits.DynamicConfidence(h, STEPS), early_exit.dynamic_confidence),
    "entropy": (
        lambda h: iso.exits.Entropy(h, temperature=2.0),
        lambda y, h: early_exit.dynamic_timestep(y, h, 2.0),
    ),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ["max_pools", "module_relu", "attention"])
def test_exit_steps_and_classes(name, rule, converted):
    made, reference = RULES[rule]
    snn, x = converted(name, METHODS["percentile"]), 4 * ALL[name].inputs(20)
    plain = iso.simulate(snn, x, steps=STEPS)
    outputs = plain.outputs.transpose(0, 1).tolist()
    scores = made(0.5).score(plain.output, STEPS)
    used = set()
    for threshold in scores.quantile(torch.linspace(0.05, 0.95, 7).double()).tolist():
        run = iso.simulate(snn, x, steps=STEPS, exit=made(threshold))
        expected = [reference(y, threshold) for y in outputs]
        assert list(zip(run.exit_steps.tolist(), run.output.argmax(1).tolist(), strict=True)) == expected
        used |= {step for step, _ in expected}
    assert len(used) > 3  # samples leave at different steps


@pytest.mark.parametrize("delay", [1, 3, 50])
def test_a_delay_leaves_its_steps_out_of_the_sum(delay, converted):
    snn = converted("reused_relu", iso.methods.LocalThresholdBalancing(iterations=4, delay=delay))
    x = 4 * ALL["reused_relu"].inputs(20)
    plain = iso.simulate(snn, x, steps=STEPS)
    rule = iso.exits.Confidence(plain.output.softmax(1).amax(1).quantile(0.42).item(), temperature=4.0)
    expected = []
    for y in plain.outputs.transpose(0, 1).tolist():
        starts = [max(0, min(delay, t - snn.readout.window)) for t in range(1, STEPS + 1)]
        sums = [[sum(values) for values in zip(*y[start:t], strict=True)] for t, start in enumerate(starts, start=1)]
        sure = [max(early_exit.softmax([value / 4 for value in total])) > rule.threshold for total in sums]
        expected.append(sure.index(True) + 1 if any(sure) else STEPS)
    assert iso.simulate(snn, x, steps=STEPS, exit=rule).exit_steps.tolist() == expected
    assert len(set(expected)) > 2
