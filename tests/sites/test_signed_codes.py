"""Codes of values of both signs."""

from __future__ import annotations

import pytest
import torch
from site_cases import captured, inputs, networks
from torch import nn

import isospike as iso
from isospike.neurons.codes import Binary, SignMagnitude, Unary
from isospike.neurons.signed_digits import SignedDigits
from isospike.neurons.twos_complement import TwosComplement

CODES = {
    "sign and magnitude": SignMagnitude(Binary()),
    "signed unary": SignMagnitude(Unary()),
    "signed digits": SignedDigits(),
    "two's complement": TwosComplement(),
}
ALL = pytest.mark.parametrize("code", CODES.values(), ids=CODES)
LEVELS = pytest.mark.parametrize("levels", [1, 2, 5, 7, 12, 15, 31])


@ALL
@LEVELS
def test_decoding_gives_the_numbers_back(code, levels):
    steps, numbers = code.steps(levels), torch.arange(-levels, levels + 1)
    spikes = code.encode(numbers, steps)
    assert torch.equal(code.decode(spikes), numbers)
    assert torch.equal(code.events(numbers, steps), (spikes != 0).sum(0))


@ALL
@LEVELS
def test_counts_of_a_histogram_are_those_of_the_spikes(code, levels):
    generator = torch.Generator().manual_seed(levels)
    numbers = torch.randint(-levels, levels + 1, (3, 50), generator=generator)
    histogram = torch.stack([torch.bincount(row + levels, minlength=2 * levels + 1) for row in numbers])
    steps = code.steps(levels)
    assert torch.equal(code.count(histogram, steps), (code.encode(numbers, steps) != 0).sum(2))


@ALL
@LEVELS
def test_the_train_of_a_maximum_is_the_maximum_of_trains(code, levels):
    generator = torch.Generator().manual_seed(levels)
    numbers = torch.randint(-levels, levels + 1, (2, 3, 6, 6), generator=generator)
    steps, pool = code.steps(levels), nn.MaxPool2d(2)
    weights = torch.tensor(code.weights(steps), dtype=torch.float64).view(-1, 1, 1, 1, 1)
    trains = code.encode(numbers, steps).double() * weights
    pooled = code.max_pool(trains, pool)
    assert torch.equal(pooled.sum(0), pool(numbers.double()))


@LEVELS
def test_signed_digits_are_never_side_by_side_and_the_fewest(levels):
    code = SignedDigits()
    numbers = torch.arange(-levels, levels + 1)
    digits = code.encode(numbers, code.steps(levels)).long()
    assert not (digits[1:] * digits[:-1]).any()
    assert bool((code.events(numbers, code.steps(levels)) <= Binary().events(numbers.abs(), code.steps(levels))).all())


@pytest.mark.parametrize("levels", [7, 31])
def test_events_of_a_normal_value_are_those_of_the_table(levels):
    """N(0, 1) quantised with least error, bits = 4 and 6 (maths: 1.15, 1.13, 1.92 and 1.86, 1.71, 2.97 events)."""
    z = torch.randn(400_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    unit = min(torch.linspace(0.5, 5, 200) / levels, key=lambda u: _error(z, u, levels))
    k = (z / unit + 0.5).floor().clamp(-levels, levels).long()
    expected = {7: (1.15, 1.13, 1.92), 31: (1.86, 1.71, 2.97)}[levels]
    codes = (SignMagnitude(Binary()), SignedDigits(), TwosComplement())
    found = [code.events(k, code.steps(levels)).double().mean().item() for code in codes]
    assert found == pytest.approx(expected, abs=0.012)  # two digits, and a grid of units


def _error(z, unit, levels):
    return float(((z / unit + 0.5).floor().clamp(-levels, levels) * unit - z).square().mean())


@pytest.mark.parametrize("digits", ["signed-digits", "twos-complement"])
@pytest.mark.parametrize("name", ["norm first", "bottleneck", "excited"])
def test_networks_of_other_digits_compute_the_same(name, digits, tmp_path):
    x = inputs(networks()[name][1], 6)
    plain, other = (
        iso.convert(captured(name), method, data=[x], analogue="allow", sites="products")
        for method in (iso.methods.BitCoded(bits=4), iso.methods.BitCoded(bits=4, digits=digits))
    )
    assert torch.equal(plain(x), other(x))
    assert (plain.steps, other.steps) == (4, 5)
    assert iso.verify(captured(name), other, [x], progress=False).exact
    record = iso.Record(codes=True)
    fast, slow = (iso.simulate(other, x, executor=run, record=record) for run in ("collapsed", "stepped"))
    assert all(torch.equal(fast.spikes[site], slow.spikes[site]) for site in other.sites)
    other.save(tmp_path / "net.snn")
    assert torch.equal(iso.load(tmp_path / "net.snn")(x), other(x))
    (first,), (second,) = (iso.account(snn, [x], progress=False).values() for snn in (plain, other))
    more = second.total().spikes / first.total().spikes
    assert more < 1 if digits == "signed-digits" else more > 1
