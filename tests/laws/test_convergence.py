"""Neurons become their static functions as 1/T; what is left then is what these clip."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import isospike as iso
from blocks import Network, conv
from isospike.methods import COS, SRP, Buffered, Burst, Maximum, Method, Opt, Percentile, SpikeNorm
from networks import NETWORKS
from short_methods import FREE, TYPICAL, shortened

STEPS = (8, 16, 32, 64, 128, 256)
"""Behind the probe, where there is one."""
NAMES = ["reused_relu", "concat", "max_pools"]
CONVERGING: dict[str, Method] = {
    **{name: method for name, method in FREE.items() if not isinstance(method, SRP)},
    "buffered of two": Buffered(largest=2),
    "graded of four": Buffered(largest=4, powers_of_two=False),
    "burst that clips": Burst(largest=2, percentile=60.0),
    "percentile that clips": Percentile(percentile=90.0),
    "cos that does not clip": shortened(COS, scale="maximum"),
}
"""All free-running methods but `srp`, which silences neurons for good by what a few steps show."""
CASES = [(name, method) for name in NAMES for method in CONVERGING]
CASES += [(name, method) for name in ("module_relu", "functional_relu") for method in CONVERGING if method in TYPICAL]


def rms(a: torch.Tensor, b: torch.Tensor) -> float:
    return (a - b).square().mean().sqrt().item()


def answers(snn: iso.SNN, x: torch.Tensor) -> list[torch.Tensor]:
    """After each number of steps behind the probe."""
    at = tuple(steps + snn.probe for steps in STEPS)
    run = iso.simulate(snn, x, steps=at[-1], record=iso.Record(outputs=False, spikes=False, at=at))
    return [run.answers[t] for t in at]


@torch.no_grad()
def errors(graph: iso.Graph, method: Method, x: torch.Tensor) -> tuple[list[float], list[float], float]:
    """Root mean square differences, on the calibration images.

    Returns:
        Of the answers from the static network, of the answers from the ANN, both at each T, and of the static network
        from the ANN.
    """
    snn = iso.convert(graph, method, data=[x])
    static, ann, found = snn.graph(x), snn.ann()(x), answers(snn, x)
    return [rms(y, static) for y in found], [rms(y, ann) for y in found], rms(static, ann)


def slope(values: list[float]) -> float:
    return float(np.polyfit(np.log(STEPS), np.log(values), 1)[0])


def assert_as_one_over_the_steps(found: list[float]) -> None:
    # -1 in the limit; unevenness of the first steps and 24 samples leave some scatter over 5 octaves
    assert -1.3 < slope(found) < -0.75
    assert found[-1] < found[0] / 8  # 32 times the steps; a quarter of the ideal gain


@pytest.mark.parametrize(("name", "method"), CASES)
def test_answers_become_the_static_network_as_one_over_the_steps(name, method, captured):
    """The static functions clip at the saturation of the neurons: what they clip is the floor, and all of it."""
    from_static, from_ann, floor = errors(captured(name), CONVERGING[method], NETWORKS[name].inputs(24, seed=5))
    assert_as_one_over_the_steps(from_static)
    assert all(abs(error - floor) <= rest for error, rest in zip(from_ann, from_static, strict=True))


CLIPPING = {
    "local-threshold-balancing",
    "percentile",
    "expectation-compensation",
    "rmp",
    "qcfs",
    "cos",
    "burst that clips",
    "percentile that clips",
}
"""Thresholds below the largest activation seen, by choice; bursts of five make up for such a choice."""


@pytest.mark.parametrize("method", CONVERGING)
def test_there_is_a_floor_where_something_is_clipped(method, captured):
    _, found, floor = errors(captured("concat"), CONVERGING[method], NETWORKS["concat"].inputs(24, seed=5))
    if method in CLIPPING:
        assert floor > 1e-3
        assert found[-1] > floor / 2
    else:
        assert floor <= 1e-15  # additions in another order
        assert_as_one_over_the_steps(found)


@pytest.mark.parametrize("name", NAMES)
def test_each_set_of_a_shift_made_for_its_steps(name, captured):
    """A shift of ``theta / (2 T)`` at every step is another network for every T; nothing is clipped."""
    x = NETWORKS[name].inputs(24, seed=5)
    snn = iso.convert(captured(name), Opt(steps=STEPS), data=[x])
    with torch.no_grad():
        ann = snn.ann()(x)
    assert_as_one_over_the_steps([rms(snn(x, steps=t), ann) for t in STEPS])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", [shortened(SpikeNorm, reset="hard"), shortened(SRP, scale="maximum")], ids=repr)
def test_what_a_reset_or_a_mask_takes_away_is_an_error_that_stays(name, method, captured):
    """A hard reset drops what exceeds the threshold; a mask silences neurons that a longer probe would not."""
    found, _, floor = errors(captured(name), method, NETWORKS[name].inputs(24, seed=5))
    assert floor <= 1e-15
    assert found[-1] > 0.8 * found[-2] > 1e-3


@pytest.fixture(scope="module")
def spike_driven():
    """Max pool between the second convolution and its ReLU, where currents are spikes."""
    torch.manual_seed(0)
    layers = {"a": conv(3, 8), "b": conv(8, 8), "pool": nn.MaxPool2d(2), "head": nn.Linear(128, 5)}
    forward = lambda n, x: n.head(n.pool(n.b(n.a(x).relu())).relu().flatten(1))  # noqa: E731
    model, x = Network(forward, layers).double().eval(), torch.randn(16, 3, 8, 8, dtype=torch.float64)
    return iso.capture(model, x), x


def test_cumulative_pool_converges_where_the_instantaneous_one_has_a_floor(spike_driven):
    graph, x = spike_driven
    cumulative, instantaneous = (
        errors(graph, Maximum(granularity="channel", v_init=0.5, pooling=rule), x)[1]
        for rule in ("cumulative", "instantaneous")
    )
    assert_as_one_over_the_steps(cumulative)
    # a positive bias that does not decrease with T
    assert min(instantaneous) > 0.5 * max(instantaneous)
    assert instantaneous[-1] > 10 * cumulative[-1]
