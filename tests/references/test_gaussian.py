"""The gaussian scale rule against numerical integration and the printed iteration."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from isospike.calibrate.batches import Batches
from isospike.calibrate.collect import collect_scales
from isospike.ops.signed_site import SignedSite
from isospike.scales import GaussianRule
from isospike.scales.gaussian import best_unit, squared_error
from signed_networks import with_signed_site

POINTS = 200_001


def codes(levels: int, signed: bool) -> Tensor:
    return torch.arange(1 - levels if signed else 1, levels + 1, dtype=torch.float64)


def integrated(unit: float, mu: float, s: float, *, levels: int, signed: bool, phase: float) -> float:
    """``E (u k - r)^2 - E r^2`` by the midpoint rule over 9 standard deviations."""
    z = mu + s * (torch.arange(POINTS, dtype=torch.float64) + 0.5 - POINTS / 2) * (18 / POINTS)
    weight = torch.exp(-(((z - mu) / s) ** 2) / 2) / math.sqrt(2 * math.pi) * 18 / POINTS
    k = (z / unit + phase).floor().clamp(-levels if signed else 0, levels)
    r = z if signed else z.clamp(min=0)
    return (((unit * k - r).square() - r.square()) * weight).sum().item()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("levels", [1, 3, 15])
@pytest.mark.parametrize(("mu", "s", "phase"), [(0.0, 1.0, 0.5), (-1.0, 0.7, 0.5), (2.0, 0.5, 0.5), (0.3, 1.0, 0.1)])
def test_the_closed_form_is_the_integral(signed, levels, mu, s, phase):
    for unit in (0.05, 0.4, 2.0):
        one = [torch.tensor([value], dtype=torch.float64) for value in (unit, mu, s)]
        found = squared_error(*one, codes=codes(levels, signed), phase=phase).item()
        # the quantiser jumps inside a cell of 1e-4 standard deviations, K times, by no more than K u
        assert (
            abs(found - integrated(unit, mu, s, levels=levels, signed=signed, phase=phase))
            <= 1e-3 * (unit * levels) ** 2
        )


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("levels", [1, 3, 7, 15, 31])
def test_the_unit_is_the_fixed_point_of_the_printed_iteration(signed, levels):
    """``u = E[k r] / E[k^2]``, Lloyd's step for equal steps; and no other unit of a fine grid is better."""
    mu = torch.tensor([-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0], dtype=torch.float64)
    s = torch.full_like(mu, 1.0)
    unit = best_unit(mu, s, codes(levels, signed), phase=0.5)
    i, a = codes(levels, signed), -levels if signed else 0
    above = (mu.unsqueeze(1) - (i - 0.5) * unit.unsqueeze(1)) / s.unsqueeze(1)
    share, density = torch.special.ndtr(above), torch.exp(-(above**2) / 2) / math.sqrt(2 * math.pi)
    step = (a * mu + (mu.unsqueeze(1) * share + density).sum(1)) / (a**2 + ((2 * i - 1) * share).sum(1))
    # the search ends where the error changes by less than a rounding: 1e-8 of a unit
    assert (step / unit - 1).abs().max() <= 1e-6
    error = squared_error(unit, mu, s, codes=i, phase=0.5)
    for factor in torch.logspace(-1, 1, 81).tolist():
        assert (error <= squared_error(unit * factor, mu, s, codes=i, phase=0.5) + 1e-12).all()


def test_channels_without_spread_and_without_currents():
    mu = torch.tensor([0.0, 1.5, -1.0, -20.0, 0.0], dtype=torch.float64)
    s = torch.tensor([0.0, 0.0, 0.0, 1.0, 1.0], dtype=torch.float64)
    unit = best_unit(mu, s, codes(5, signed=False), phase=0.5)
    assert unit[:4].tolist() == pytest.approx([0, 0.3, 0, 0])
    assert unit[4] > 0
    assert best_unit(mu, s, codes(5, signed=True), phase=0.5)[:3].tolist() == pytest.approx([0, 0.3, 0.2])


@pytest.mark.parametrize("granularity", ["layer", "channel"])
@pytest.mark.parametrize("site", [nn.ReLU(), SignedSite(), nn.ReLU6()], ids=["relu", "signed", "relu6"])
def test_a_rule_sees_currents_in_parts(granularity, site):
    """The moments of all batches, whatever their sizes; a tail of 1 is the rule as printed."""
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 4, 3).double()
    x = torch.randn(21, 3, 9, 9, dtype=torch.float64)
    if isinstance(site, SignedSite):
        net = nn.Sequential(conv, nn.AvgPool2d(2)).eval()
        graph = with_signed_site(iso.capture(net, x[:2]), "0")
    else:
        graph = iso.capture(nn.Sequential(conv, site).eval(), x[:2])
    (name,) = graph.sites
    z = conv(x).detach().movedim(1, -1).reshape(-1, 4 if granularity == "channel" else 1)
    signed = isinstance(site, SignedSite)
    expected = 7 * best_unit(z.mean(0), z.std(0, correction=0), codes(7, signed), phase=0.5)
    for tail in (1.0, 1.5):
        found = collect_scales(graph, GaussianRule(granularity, 7, tail=tail), Batches([x[:5], x[5:6], x[6:]]))[name]
        assert found.flatten().tolist() == pytest.approx((tail * expected).clamp(max=6).tolist(), rel=1e-6)
