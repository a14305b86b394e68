"""PASC networks against algorithms 1 and 2 in exact fractions: codes and inhibitory spikes, neuron for neuron."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch
from emission import Branch, PascLayer, pasc_network
from torch import nn

import isospike as iso
from blocks import Network
from isospike.graphs import Role
from isospike.network import Profile, Provenance, network_of
from isospike.neurons import Pasc

WIDTH = 6
SOURCES = [[-1], [0], [0, 1], [2], [-1, 3]]
"""What every layer reads: a chain with a shortcut between trains of different length, and one that brings the image."""


def random_layers(seed: int) -> list[PascLayer]:
    """Multiples of 1/64. With units of few digits and the phase 2049/4096 no sum lies within 1e-6 of a threshold."""
    random = np.random.default_rng(seed)

    def fractions(*shape: int, largest: int) -> list:
        return np.vectorize(lambda n: Fraction(int(n), 64))(random.integers(-largest, largest + 1, shape)).tolist()

    return [
        PascLayer(
            [Branch(source, fractions(WIDTH, WIDTH, largest=60), fractions(WIDTH, largest=80)) for source in sources],
            Fraction(int(random.integers(8, 40)), 64),
            int(random.integers(1, 9)),
        )
        for sources in SOURCES
    ]


def network(layers: list[PascLayer], example: torch.Tensor) -> iso.SNN:
    names = {f"from_{b.source}_to_{i}": b for i, layer in enumerate(layers) for b in layer.branches}
    modules: dict[str, nn.Module] = {name: nn.Linear(WIDTH, WIDTH) for name in names}
    for name, branch in names.items():
        with torch.no_grad():
            modules[name].weight.copy_(torch.tensor(np.array(branch.weight, dtype=float)))
            modules[name].bias.copy_(torch.tensor(np.array(branch.bias, dtype=float)))

    def forward(n: nn.Module, x: torch.Tensor) -> torch.Tensor:
        values = {-1: x}
        for i, layer in enumerate(layers):
            parts = [getattr(n, f"from_{b.source}_to_{i}")(values[b.source]) for b in layer.branches]
            values[i] = (parts[0] if len(parts) == 1 else parts[0] + parts[1]).relu()
        return values[len(layers) - 1]

    graph = iso.capture(Network(forward, modules).double().eval(), example).view()
    for node, layer in zip(graph.nodes_with(Role.ACTIVATION), layers, strict=True):
        graph.replace(node, Pasc(torch.tensor(float(layer.unit), dtype=torch.float64), layer.levels))
    return network_of(graph, Profile(Provenance("by hand")))


@pytest.mark.parametrize("seed", range(6))
def test_codes_and_inhibitory_spikes_are_those_of_the_algorithms(seed):
    layers = random_layers(seed)
    images = np.random.default_rng(100 + seed).integers(-128, 129, (5, WIDTH))
    x = torch.from_numpy(images / 64)
    run = iso.simulate(network(layers, x), x, executor="stepped", record=iso.Record(codes=True))
    expected = [pasc_network(layers, [Fraction(int(n), 64) for n in image]) for image in images]
    for index, site in enumerate(run.codes):
        assert run.codes[site].tolist() == [codes[index] for codes, _ in expected]
        assert run.inhibitory[site].tolist() == [events[index] for _, events in expected]
    assert not any(events[0] for _, events in expected)  # algorithm 2 has no inhibition
    assert sum(sum(events) for _, events in expected) > 30
