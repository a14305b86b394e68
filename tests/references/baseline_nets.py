"""Two networks with exact sums, in torch and in numpy, and what their spikes are compared by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import spiking
import torch
from spiking import Array, Layer, Train
from torch import Tensor, nn

import isospike as iso
from isospike.measure.deviation import with_sites

STEPS = 16
GUARD = 2.0**-12
"""Added to the phase of trained staircases, in training and in the neurons; the papers have none."""


def eighths(*shape: int, seed: int) -> Tensor:
    return torch.randint(-8, 9, shape, generator=torch.Generator().manual_seed(seed)).double() / 8


SEEDS = {"dense": 1420, "conv": 40}
"""Of weights with which no channel stays silent: its threshold would be the smallest number, which is not exact."""


@dataclass
class Net:
    model: nn.Module
    layers: list[Layer]
    shape: tuple[int, ...]

    @cached_property
    def graph(self) -> iso.Graph:
        """The captured model; shared, so never to be changed."""
        return iso.capture(self.model, self.images(DATA))

    def images(self, seed: int, batch: int = 8) -> Tensor:
        return eighths(batch, *self.shape, seed=seed)


def numbers(module: nn.Module) -> tuple[Array, Array]:
    return module.weight.detach().numpy(), module.bias.detach().numpy()


def build(name: str, acts: Sequence[nn.Module] | None = None) -> Net:
    first, second, third = acts or [nn.ReLU() for _ in range(3)]
    if name == "dense":
        weighted = [nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 7), nn.Linear(7, 3)]
        a, b, c, d = weighted
        model, shape = nn.Sequential(a, first, b, second, c, third, d), (6,)
    else:
        weighted = [nn.Conv2d(2, 3, 3, padding=1), nn.Conv2d(3, 2, 3, padding=1), nn.Linear(32, 6), nn.Linear(6, 3)]
        a, b, c, d = weighted
        model, shape = nn.Sequential(a, first, b, second, nn.Flatten(), c, third, d), (2, 4, 4)
    model = model.double().eval()
    with torch.no_grad():
        for seed, parameter in enumerate((p for module in weighted for p in module.parameters()), SEEDS[name]):
            parameter.copy_(eighths(*parameter.shape, seed=seed))
    layers = [
        spiking.convolution(*numbers(m), 4, 1) if isinstance(m, nn.Conv2d) else spiking.dense(*numbers(m))
        for m in weighted
    ]
    return Net(model, layers, shape)


NETS = {name: build(name) for name in ("dense", "conv")}
DATA, TEST = 100, 200
"""Seeds of the images."""


def flat(x: Tensor) -> Array:
    return x.flatten(1).numpy()


def neurons(snn: iso.SNN) -> list[nn.Module]:
    return [snn.graph.get_submodule(site) for site in snn.sites]


def per_neuron(snn: iso.SNN, what: str) -> list[Array]:
    """Thresholds or starts of all sites, one value per neuron."""
    ops = {op.name: op.shape for op in snn.graph.ops}
    return [
        getattr(neuron, what).expand(ops[site]).flatten().numpy()
        for site, neuron in zip(snn.sites, neurons(snn), strict=True)
    ]


@torch.no_grad()
def simulated(snn: iso.SNN, x: Tensor, steps: int) -> tuple[list[Array], Tensor]:
    """Trains ``[T, B, neurons]`` of all sites and of the read-out, and the answer."""
    probed = snn.with_graph(with_sites(snn.graph))
    run = iso.simulate(probed, x, steps=steps)
    outputs, sites = run.outputs
    answer = iso.simulate(snn, x, steps=steps).output
    assert torch.equal(answer, run.output[0])
    return [train.flatten(2).numpy() for train in (*sites, outputs)], answer


def check(snn: iso.SNN, x: Tensor, steps: int, expected: Sequence[Train], skipped: int = 0) -> None:
    """Every spike of every neuron, the read-out of every step, and its mean."""
    found, answer = simulated(snn, x, steps)
    for train, wanted in zip(found, expected, strict=True):
        assert np.array_equal(train[skipped:], np.stack(wanted))
    assert all(np.any(train != 0) for train in found)
    # one division in float64
    torch.testing.assert_close(answer.numpy(), np.mean(expected[-1], axis=0), rtol=1e-14, atol=1e-14)


def check_thresholds(snn: iso.SNN, thetas: Sequence[Array], starts: Sequence[Array]) -> None:
    for what, wanted in (("v_threshold", thetas), ("v_init", starts)):
        for found, value in zip(per_neuron(snn, what), wanted, strict=True):
            assert np.array_equal(found, value)
    assert all((theta > 0.1).all() for theta in thetas)  # no silent channel, whose threshold would be tiny


def zeros(thetas: Sequence[Array]) -> list[Array]:
    return [np.zeros_like(theta) for theta in thetas]


def maxima(net: Net, by: str, *seeds: int) -> list[Array]:
    x = np.concatenate([flat(net.images(seed)) for seed in seeds or (DATA,)])
    return spiking.maxima(net.layers, spiking.activations(net.layers, x), by)


def check_close(snn: iso.SNN, x: Tensor, steps: int, expected: Sequence[Train], skipped: int = 0) -> None:
    """For thresholds that are not exact: the same spikes, the read-out to the rounding of sums."""
    found, answer = simulated(snn, x, steps)
    for train, wanted in zip(found[:-1], expected[:-1], strict=True):
        assert np.array_equal(train[skipped:], np.stack(wanted))
    np.testing.assert_allclose(found[-1][skipped:], np.stack(expected[-1]), rtol=1e-13, atol=1e-13)
    np.testing.assert_allclose(answer.numpy(), np.mean(expected[-1], axis=0), rtol=1e-13, atol=1e-13)
