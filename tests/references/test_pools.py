"""The max-pooling rules against loops over windows, exact."""

from __future__ import annotations

import pytest
import torch
from formulas import POOLS, image
from torch import nn

from isospike.pooling import rules

WINDOWS = [(2, 2, 0), (3, 2, 1), (3, 1, 1)]


def frames(steps: int = 7) -> torch.Tensor:
    """Integers of both signs, so few equal sums that the order among equals does not matter."""
    generator = torch.Generator().manual_seed(3)
    return torch.randint(-(10**6), 10**6, (steps, 1, 2, 6, 6), generator=generator).double()


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("name", list(rules))
def test_rule_is_its_formula(name, window):
    kernel, stride, padding = window
    rule, x = rules[name](nn.MaxPool2d(kernel, stride, padding)), frames()
    out, counts = rule.advance(x.clone(), rule.start(x[0]), overwrite=False)
    assert counts is None
    assert [image(y[0]) for y in out] == POOLS[name]([image(z[0]) for z in x], *window)


@pytest.mark.parametrize("name", list(rules))
def test_values_may_be_without_channels(name):
    """A pool over ``[B, L]`` is that of a single channel."""
    x = frames().flatten(2)[:, 0].unsqueeze(1)  # [T, 1, L]
    bare, single = rules[name](nn.MaxPool1d(3, 2, 1)), rules[name](nn.MaxPool1d(3, 2, 1))
    out, _ = bare.advance(x.clone(), bare.start(x[0]), overwrite=False)
    expected, _ = single.advance(x.unsqueeze(2).clone(), single.start(x[0].unsqueeze(1)), overwrite=False)
    assert torch.equal(out, expected.squeeze(2))


@pytest.mark.parametrize("name", list(rules))
def test_rule_in_two_parts(name):
    rule, x = rules[name](nn.MaxPool2d(2)), frames()
    memory = rule.start(x[0])
    parts = [rule.advance(part.clone(), memory, overwrite=False)[0] for part in (x[:3], x[3:])]
    whole, _ = rule.advance(x.clone(), rule.start(x[0]), overwrite=False)
    assert torch.equal(torch.cat(parts), whole)


@pytest.mark.parametrize("name", list(rules))
def test_constant_currents_give_the_maximum_at_every_step(name):
    x = frames(1).expand(5, -1, -1, -1, -1)
    rule = rules[name](nn.MaxPool2d(2))
    out, _ = rule.advance(x, rule.start(x[0]), overwrite=False)
    assert torch.equal(out, nn.MaxPool2d(2)(x[0]).expand_as(out))


def test_cumulative_total_is_the_maximum_of_the_totals_and_instantaneous_is_above():
    x, pool = frames(), nn.MaxPool2d(2)
    totals = {}
    for name in ("cumulative", "instantaneous"):
        rule = rules[name](pool)
        totals[name] = rule.advance(x.clone(), rule.start(x[0]), overwrite=False)[0].sum(0)
    assert torch.equal(totals["cumulative"], pool(x.sum(0)))
    assert (totals["instantaneous"] >= totals["cumulative"]).all()
    assert (totals["instantaneous"] > totals["cumulative"]).any()


def test_the_bias_of_instantaneous_maxima_does_not_vanish_with_the_steps():
    """About a standard deviation of the currents a step, here 1."""
    x, pool = torch.randn(64, 1, 2, 6, 6, generator=torch.Generator().manual_seed(0)).double(), nn.MaxPool2d(2)
    out = rules["instantaneous"](pool).advance(x.clone(), None, overwrite=False)[0]
    bias = [((out[:steps].sum(0) - pool(x[:steps].sum(0))) / steps).mean().item() for steps in (4, 16, 64)]
    assert bias == sorted(bias)
    assert bias[0] > 0.25
