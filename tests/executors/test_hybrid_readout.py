"""A tail that is not affine: computed in floating point on the mean output of the last spiking layer."""

from __future__ import annotations

import functools

import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from blocks import Forward, Network, conv
from isospike.errors import ConversionError
from isospike.executors import executors_of
from isospike.measure.deviation import with_sites
from isospike.neurons import Kind

METHODS = {
    "if": iso.methods.OPI(),
    "buffered": iso.methods.Buffered(),
    "buffered-two": iso.methods.Buffered(largest=2),
    "burst": iso.methods.Burst(),
    "opt": iso.methods.Opt(steps=(13,)),
    "srp": iso.methods.SRP(),
    "cos": iso.methods.COS(),
}
STEPS = 13


def softmax_head(n, x):
    return n.head(n.second(n.first(x).relu()).relu().flatten(1)).softmax(1)


def sigmoid_regression(n, x):
    return 3 * n.head(n.second(n.first(x).relu()).relu().flatten(1)).sigmoid() - 1


def pooled_inside(n, x):
    """A max pool between the layers: it has memory too."""
    return n.small(n.second(n.pool(n.first(x)).relu()).relu().flatten(1)).log_softmax(1)


TAILS: dict[str, Forward] = {"softmax": softmax_head, "sigmoid": sigmoid_regression, "log-softmax": pooled_inside}


def model(forward: Forward) -> nn.Module:
    torch.manual_seed(0)
    layers = {
        **{"first": conv(3, 4), "second": conv(4, 4), "pool": nn.MaxPool2d(2)},
        **{"head": nn.Linear(256, 5), "small": nn.Linear(64, 5)},
    }
    return Network(forward, layers).double().eval()


def images(seed: int = 1) -> Tensor:
    return torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def tail(model: nn.Module, name: str, mean: Tensor) -> Tensor:
    y = mean.flatten(1)
    if name == "log-softmax":
        return model.small(y).log_softmax(1)
    return model.head(y).softmax(1) if name == "softmax" else 3 * model.head(y).sigmoid() - 1


@functools.cache
def captured(name: str) -> iso.Graph:
    return iso.capture(model(TAILS[name]), images())


@functools.cache
def converted(name: str, method: str) -> iso.SNN:
    return iso.convert(captured(name), METHODS[method], data=[images(2)], analogue="allow")


@torch.no_grad()
@pytest.mark.parametrize("executor", executors_of(Kind.STREAMING))
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", TAILS)
def test_the_answer_is_the_tail_of_the_decoded_rate(name, method, executor):
    network, x, snn = model(TAILS[name]), images(), converted(name, method)
    snn = snn.for_steps(STEPS)
    if executor == "step" and method == "cos":
        pytest.skip("a layer needs its whole train")
    at = tuple(range(snn.probe + 1, STEPS + 1))
    record = iso.Record(at=at, outputs=False)
    probed = snn.with_graph(with_sites(snn.graph))
    means = iso.simulate(probed, x, steps=STEPS, record=record, executor=executor).answers
    answers = iso.simulate(snn, x, steps=STEPS, record=record, executor=executor).answers
    assert set(answers) == set(at)
    for steps in at:
        rate = means[steps][1][-1]
        # float64: differences of totals over 13 steps and their sum again
        torch.testing.assert_close(answers[steps], tail(network, name, rate), rtol=1e-12, atol=1e-12)
    assert (means[STEPS][1][-1] > 0).any()


@pytest.mark.parametrize("cut", [5, 6])
def test_a_run_in_parts_behind_a_probe(cut):
    """Pools and islands start anew behind a probe, and once only."""
    snn = iso.convert(model(pooled_inside), iso.methods.SRP(), data=[images(2)], analogue="allow")
    whole = iso.simulate(snn, images(), steps=STEPS)
    first = iso.simulate(snn, images(), steps=cut)
    rest = iso.simulate(snn, images(), steps=STEPS - cut, state=first.state)
    torch.testing.assert_close(rest.output, whole.output, rtol=1e-12, atol=1e-12)  # rounding of sums in two parts


@torch.no_grad()
def test_a_max_pool_in_front_of_a_neuron_forgets_the_probe():
    """Cumulative maxima behind the probe are those of the currents behind it alone."""

    def forward(n, x):
        return n.pool(n.second(n.first(x).relu()))

    network, x = model(forward), images()
    snn = iso.convert(network, iso.methods.SRP(), data=[images(2)])
    probed = snn.with_graph(with_sites(snn.graph))
    answer, (mean,) = iso.simulate(probed, x, steps=STEPS).output
    torch.testing.assert_close(answer, network.pool(network.second(mean)), rtol=1e-12, atol=1e-12)  # sums of 9 steps


def test_without_leave_only_the_tail_of_the_task_stays():
    """A classifier may end in a softmax; what is no part of the answer is refused."""
    told = iso.convert(model(softmax_head), iso.methods.Buffered(), data=[images(2)])
    assert torch.equal(told(images(), steps=4), converted("softmax", "buffered")(images(), steps=4))
    with pytest.raises(ConversionError, match="softmax"):
        iso.convert(model(softmax_head), iso.methods.Buffered(), data=[images()], task="regression")
    with pytest.raises(ConversionError, match="sigmoid"):
        iso.convert(model(sigmoid_regression), iso.methods.Buffered(), data=[images()])
