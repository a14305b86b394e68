"""The integrate-and-fire neuron against exact fractions, spike for spike."""

from __future__ import annotations

from fractions import Fraction

import torch
from formulas import clip_floor, delayed_mean, soft_reset
from hypothesis import given, settings
from hypothesis import strategies as st

import isospike as iso
from isospike.executors.sums import OutputSums
from isospike.network import ReadOut
from isospike.neurons import IntegrateAndFire

STEPS = settings(deadline=None, max_examples=60, derandomize=True)
sixty_fourths = st.integers(-256, 256).map(lambda n: Fraction(n, 64))
thresholds = st.integers(1, 200).map(lambda n: Fraction(n, 64))
"""Multiples of 1/64: every sum and product below is exact in float64."""


def advance(neuron: IntegrateAndFire, currents: torch.Tensor):
    memory = neuron.start(currents[0])
    out, counts = neuron.advance(currents.clone(), memory, overwrite=False)
    return out, counts.spikes, memory["v"]


@given(st.lists(sixty_fourths, min_size=1, max_size=20), thresholds, st.integers(0, 63))
@STEPS
def test_arbitrary_currents(currents, theta, part):
    v_init = theta * part / 64
    spikes, v = soft_reset(currents, theta, v_init)
    neuron = IntegrateAndFire(tensor(theta), tensor(v_init))
    out, counts, memory = advance(neuron, torch.stack([tensor(z) for z in currents]).view(-1, 1, 1))
    assert [Fraction(y) for y in out.flatten().tolist()] == [theta * s for s in spikes]
    assert counts.flatten().tolist() == spikes
    assert Fraction(memory.item()) == v


@given(sixty_fourths, thresholds, st.integers(0, 63), st.integers(1, 40))
@STEPS
def test_constant_currents_obey_the_clip_floor_theorem(x, theta, part, steps):
    v_init = theta * part / 64
    neuron = IntegrateAndFire(tensor(theta), tensor(v_init))
    _, counts, _ = advance(neuron, tensor(x).expand(steps, 1, 1))
    assert counts.sum().item() == clip_floor(x, theta, v_init, steps) == sum(soft_reset([x] * steps, theta, v_init)[0])


def test_maths_example_of_unevenness():
    # theta 1, v0 1/2, currents 0.9, 0.3, -2, 0.8 sum to 0 and give one spike
    neuron = IntegrateAndFire(torch.tensor(1.0), torch.tensor(0.5))
    _, counts, _ = advance(neuron, torch.tensor([0.9, 0.3, -2.0, 0.8]).view(4, 1, 1))
    assert counts.flatten().tolist() == [1, 0, 0, 0]


def test_every_channel_has_its_own_threshold():
    torch.manual_seed(0)
    currents = torch.randint(-64, 128, (9, 2, 3, 2, 2)).double() / 64
    theta = torch.tensor([0.25, 1.0, 2.5]).double().view(3, 1, 1)
    out, counts, _ = advance(IntegrateAndFire(theta, theta / 2), currents)
    for b, c, y, x in torch.cartesian_prod(*map(torch.arange, (2, 3, 2, 2))).tolist():
        train = [Fraction(z) for z in currents[:, b, c, y, x].tolist()]
        spikes, _ = soft_reset(train, Fraction(theta[c].item()), Fraction(theta[c].item()) / 2)
        assert [y / theta[c].item() for y in out[:, b, c, y, x].tolist()] == spikes
    assert torch.equal(counts, (out > 0).sum((2, 3, 4)))


@given(st.lists(sixty_fourths, min_size=1, max_size=24), st.integers(0, 30), st.integers(0, 6))
@STEPS
def test_readout_is_the_mean_after_a_clamped_delay(outputs, delay, probe):
    """Behind a probe that of a run of its own."""
    at = range(probe + 1, len(outputs) + 1)
    sums = OutputSums(ReadOut(delay=delay, probe=probe), at)
    for y in outputs:
        sums.add([tensor(y).view(1)])
    for steps in at:
        expected = delayed_mean(outputs[probe:steps], delay)
        # an exact sum divided once in float64
        assert abs(Fraction(sums.answer(steps)[0].item()) - expected) <= abs(expected) * Fraction(1, 2**52)


def test_answers_of_a_network_are_delayed_means(converted):
    snn = converted("module_relu", iso.methods.LocalThresholdBalancing(iterations=3, delay=6))
    x = torch.randn(1, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    run = iso.simulate(snn, x, steps=14, record=iso.Record(at=tuple(range(1, 15))))
    for steps, answer in run.answers.items():
        for unit, value in enumerate(answer[0].tolist()):
            outputs = [Fraction(y) for y in run.outputs[:steps, 0, unit].tolist()]
            # 14 additions in float64
            assert abs(value - float(delayed_mean(outputs, 6))) <= 14 * 2**-52 * float(max(map(abs, outputs)))


def tensor(value: Fraction) -> torch.Tensor:
    return torch.tensor(float(value), dtype=torch.float64)
