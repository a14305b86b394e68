"""Thresholds and delay against loops over fractions and against numpy."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from formulas import balanced, first_spike, image
from torch import nn

import isospike as iso
from blocks import Network
from networks import NETWORKS

ROUNDING = 1e-12
"""Relative: float64 means over some hundred values, six times over."""
DATA = [torch.randn(6, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(s)) for s in range(2)]


@pytest.fixture(scope="module")
def two_layers() -> iso.Graph:
    torch.manual_seed(0)
    layers = {"a": nn.Conv2d(3, 2, 3, padding=1), "six": nn.ReLU6(), "b": nn.Conv2d(2, 2, 3), "head": nn.Linear(8, 2)}
    model = Network(lambda n, x: n.head(n.b(n.six(6 * n.a(x))).relu().flatten(1)), layers).double().eval()
    return iso.capture(model, DATA[0])


def currents_of(graph: iso.Graph, x: torch.Tensor, first_theta: list[Fraction] | None):
    """Currents of both sites; the second one sees the first clipped at its thresholds."""
    z = 6 * graph.get_submodule("a")(x)
    if first_theta is None:
        return z, None
    theta = torch.tensor([float(t) for t in first_theta], dtype=torch.float64)
    return z, graph.get_submodule("b")(torch.minimum(z.clamp(min=0), theta.view(-1, 1, 1)))


def of_channel(z: torch.Tensor, channel: int | None) -> list[Fraction]:
    return list(image(z if channel is None else z[:, channel]).values())


def close(got: torch.Tensor, expected: list[Fraction]) -> bool:
    pairs = zip(got.flatten().tolist(), expected, strict=True)
    return all(abs(value - float(wanted)) <= ROUNDING * abs(float(wanted)) for value, wanted in pairs)


@torch.no_grad()
@pytest.mark.parametrize("granularity", ["channel", "layer"])
def test_local_threshold_balancing_update(two_layers, granularity):
    channels = [0, 1] if granularity == "channel" else [None]
    first, second = ([Fraction(0)] * len(channels) for _ in range(2))
    eta = Fraction(1, 2)
    for x in [*DATA, *DATA, *DATA][:5]:
        z, _ = currents_of(two_layers, x, None)
        first = [min(balanced(t, of_channel(z, c), eta), Fraction(6)) for t, c in zip(first, channels, strict=True)]
        first = [Fraction(float(t)) for t in first]  # the library carries float64
        _, z = currents_of(two_layers, x, first)
        second = [balanced(t, of_channel(z, c), eta) for t, c in zip(second, channels, strict=True)]
    method = iso.methods.LocalThresholdBalancing(iterations=5, learning_rate=0.5, granularity=granularity)
    snn = iso.convert(two_layers, method, data=DATA)
    assert close(snn.graph.get_submodule("six").v_threshold, first)
    assert close(snn.graph.get_submodule("relu").v_threshold, second)
    assert close(snn.graph.get_submodule("relu").v_init, [t / 2 for t in second])


@torch.no_grad()
def test_delay_is_the_sum_of_the_first_spike_times(two_layers):
    method = iso.methods.LocalThresholdBalancing(iterations=5, v_init=0.25)
    snn = iso.convert(two_layers, method, data=DATA)
    thetas = {site: snn.graph.get_submodule(site).v_threshold for site in snn.sites}
    z, deeper = currents_of(two_layers, DATA[0], [Fraction(t) for t in thetas["six"].flatten().tolist()])
    total = Fraction(0)
    for site, current in (("six", z), ("relu", deeper)):
        means = [sum(max(Fraction(v), Fraction(0)) for v in neuron) / 6 for neuron in current.flatten(1).T.tolist()]
        theta = [Fraction(t) for t in thetas[site].expand(current.shape[1:]).flatten().tolist()]
        total += first_spike(means, theta, [t / 4 for t in theta])
    assert abs(total - round(total)) > 1e-9  # far from a jump of the floor
    assert snn.readout.delay == int(total)
    assert snn.readout.window == 4


@pytest.mark.parametrize("granularity", ["channel", "layer"])
@pytest.mark.parametrize("name", ["module_relu", "ceilings", "one_dimensional", "three_dimensional"])
def test_maximum_is_the_largest_activation(name, granularity, captured):
    graph, seen = iso.fold_batch_norm(captured(name)), {}
    data = [NETWORKS[name].inputs(4, seed=s) for s in range(3)]
    for x, site in itertools.product(data, graph.sites):
        handle = graph.get_submodule(site).register_forward_hook(
            lambda m, i, y, site=site: seen.setdefault(site, []).append(y)
        )
        graph(x)
        handle.remove()
    snn = iso.convert(captured(name), iso.methods.Maximum(granularity=granularity, pooling="winner"), data=data)
    for site, outputs in seen.items():
        values = torch.cat(outputs).detach()
        axes = [a for a in range(values.dim()) if a != 1 or granularity == "layer"]
        expected = values.amax(axes)
        expected = torch.where(expected > 0, expected, expected.max())  # silent channels
        got = snn.graph.get_submodule(site).v_threshold.flatten()
        # the batch norms of the graph are folded alike on both sides; only layouts differ
        torch.testing.assert_close(got, expected.flatten(), rtol=ROUNDING, atol=0)


@pytest.mark.parametrize("percentile", [50.0, 90.0, 99.0, 99.9])
@pytest.mark.parametrize("granularity", ["channel", "layer"])
def test_percentile_is_numpys_within_one_bin(two_layers, granularity, percentile):
    with torch.no_grad():
        z = np.concatenate([currents_of(two_layers, x, None)[0].numpy() for x in DATA])
    a = np.clip(z, 0, 6)
    channels = [a[:, c] for c in range(2)] if granularity == "channel" else [a]
    method = iso.methods.Percentile(percentile=percentile, granularity=granularity, bins=512)
    got = iso.convert(two_layers, method, data=DATA).graph.get_submodule("six").v_threshold.flatten().tolist()
    for value, values in zip(got, channels, strict=True):
        width = 2.0 ** np.ceil(np.log2(values.max())) / 512
        quantile = np.quantile(values, percentile / 100, method="inverted_cdf")
        # a channel that is zero so often has no threshold of its own
        assert abs(value - quantile) <= width if quantile > 0 else value == max(got)
