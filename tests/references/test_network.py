"""A small convolutional network against a simulator made of loops over fractions: no rounding, no tolerance."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from formulas import POOLS, Image, convolve, image, multiply, soft_reset
from torch import nn

import isospike as iso
from isospike.executors import executors_of
from isospike.neurons import Kind

STEPS = 9


class Tiny(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.pool, self.conv2 = (
            nn.Conv2d(2, 3, 3, padding=1),
            nn.MaxPool2d(2),
            nn.Conv2d(3, 2, 3, padding=1),
        )
        self.conv3, self.head = nn.Conv2d(2, 2, 1), nn.Linear(8, 3)

    def forward(self, x):
        x = torch.relu(self.conv2(self.conv1(x).relu()))
        x = torch.relu(self.conv3(self.pool(x)))
        return self.head(x.flatten(1))


def eighths(*shape: int, seed: int) -> torch.Tensor:
    """Multiples of 1/8 in [-1, 1]: few bits, so that float64 computes the whole network exactly."""
    return torch.randint(-8, 9, shape, generator=torch.Generator().manual_seed(seed)).double() / 8


@pytest.fixture(scope="module")
def model() -> Tiny:
    model = Tiny().double().eval()
    with torch.no_grad():
        for seed, parameter in enumerate(model.parameters()):
            parameter.copy_(eighths(*parameter.shape, seed=seed))
        # no dead channel, whose threshold would be no multiple of 1/8
        model.conv3.weight.copy_(torch.tensor([[1, -0.5], [-0.375, 1]]).view(2, 2, 1, 1))
    return model


@pytest.fixture(scope="module")
def graph(model):
    return iso.capture(model, eighths(2, 2, 4, 4, seed=50))


def fire(snn: iso.SNN, site: str, currents: list[Image]) -> tuple[list[Image], list[int], Image]:
    """Amplitudes and spike counts of every step, and the last potentials, of one layer."""
    neuron = snn.graph.get_submodule(site)
    shape = (max(at[0] for at in currents[0]) + 1, 1, 1)
    thetas, starts = (image(value.expand(shape)[:, 0, 0]) for value in (neuron.v_threshold, neuron.v_init))
    trains, last = {}, {}
    for at in currents[0]:
        trains[at], last[at] = soft_reset([z[at] for z in currents], thetas[at[:1]], starts[at[:1]])
    out = [{at: thetas[at[:1]] * train[t] for at, train in trains.items()} for t in range(len(currents))]
    return out, [sum(train[t] for train in trains.values()) for t in range(len(currents))], last


def simulated(model: Tiny, snn: iso.SNN, pool: str, x: torch.Tensor):
    counts, potentials = {}, {}
    currents = [convolve(image(x), model.conv1.weight, model.conv1.bias, 4, 1)] * STEPS
    spikes, counts["relu"], potentials["relu"] = fire(snn, "relu", currents)
    currents = [convolve(s, model.conv2.weight, model.conv2.bias, 4, 1) for s in spikes]
    if pool == "winner":  # behind the neuron, the other rules in front of it
        spikes, counts["relu#2"], potentials["relu#2"] = fire(snn, "relu#2", currents)
        spikes = POOLS[pool](spikes, 2, 2, 0)
    else:
        spikes, counts["relu#2"], potentials["relu#2"] = fire(snn, "relu#2", POOLS[pool](currents, 2, 2, 0))
    currents = [convolve(s, model.conv3.weight, model.conv3.bias, 2, 0) for s in spikes]
    spikes, counts["relu#3"], potentials["relu#3"] = fire(snn, "relu#3", currents)
    outputs = [multiply([s[at] for at in sorted(s)], model.head.weight, model.head.bias) for s in spikes]
    return outputs, counts, potentials


@pytest.mark.parametrize("executor", executors_of(Kind.STREAMING))
@pytest.mark.parametrize("granularity", ["layer", "channel"])
@pytest.mark.parametrize("pool", list(POOLS))
def test_library_equals_the_loops(model, graph, pool, granularity, executor):
    method = iso.methods.Maximum(granularity=granularity, pooling=pool)
    snn = iso.convert(graph, method, data=[eighths(4, 2, 4, 4, seed=60)])
    x = eighths(1, 2, 4, 4, seed=70)
    run = iso.simulate(snn, x, steps=STEPS, executor=executor)
    outputs, counts, potentials = simulated(model, snn, pool, x[0])
    assert {site: spikes[:, 0].tolist() for site, spikes in run.spikes.items()} == counts
    assert sum(counts["relu#3"]) > 0
    assert [image(y[0]) for y in run.outputs] == outputs
    assert {site: image(run.state.memory[site]["v"][0]) for site in potentials} == potentials
    mean = [sum(y[(unit,)] for y in outputs) / STEPS for unit in range(3)]
    for value, expected in zip(run.output[0].tolist(), mean, strict=True):
        assert abs(Fraction(value) - expected) <= abs(expected) * Fraction(1, 2**52)  # one division in float64
