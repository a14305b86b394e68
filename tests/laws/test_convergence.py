"""Nothing is clipped at maximum thresholds, so the error falls as 1/T; the published pooling rule has a floor."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import isospike as iso
from blocks import Network, conv
from networks import NETWORKS

STEPS = (8, 16, 32, 64, 128, 256)


def errors(model: nn.Module, graph: iso.Graph, x: torch.Tensor, **options) -> list[float]:
    """Root mean square difference from the ANN at each T, on the calibration images."""
    snn = iso.convert(graph, iso.methods.Maximum(granularity="channel", **options), data=[x])
    run = iso.simulate(snn, x, steps=max(STEPS), record=iso.Record(outputs=False, at=STEPS))
    with torch.no_grad():
        expected = model(x)
    return [(run.answers[t] - expected).square().mean().sqrt().item() for t in STEPS]


def slope(values: list[float]) -> float:
    return float(np.polyfit(np.log(STEPS), np.log(values), 1)[0])


@pytest.mark.parametrize("name", ["module_relu", "functional_relu", "reused_relu", "concat", "max_pools"])
def test_error_falls_as_one_over_the_steps(name, captured):
    found = errors(NETWORKS[name].build(), captured(name), NETWORKS[name].inputs(24, seed=5), pooling="cumulative")
    # -1 in the limit; unevenness of the first steps and 24 samples leave some scatter over 5 octaves
    assert -1.3 < slope(found) < -0.75
    assert found[-1] < found[0] / 8  # 32 times the steps; a quarter of the ideal gain


@pytest.fixture(scope="module")
def spike_driven():
    """Max pool between the second convolution and its ReLU, where currents are spikes."""
    torch.manual_seed(0)
    layers = {"a": conv(3, 8), "b": conv(8, 8), "pool": nn.MaxPool2d(2), "head": nn.Linear(128, 5)}
    forward = lambda n, x: n.head(n.pool(n.b(n.a(x).relu())).relu().flatten(1))  # noqa: E731
    model, x = Network(forward, layers).double().eval(), torch.randn(16, 3, 8, 8, dtype=torch.float64)
    return model, iso.capture(model, x), x


def test_cumulative_pool_converges_where_the_instantaneous_one_has_a_floor(spike_driven):
    cumulative = errors(*spike_driven, pooling="cumulative")
    instantaneous = errors(*spike_driven, pooling="instantaneous")
    assert -1.3 < slope(cumulative) < -0.75
    # maths 1.4: a positive bias that does not decrease with T
    assert min(instantaneous) > 0.5 * max(instantaneous)
    assert instantaneous[-1] > 10 * cumulative[-1]
