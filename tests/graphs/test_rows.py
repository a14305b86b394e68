"""A reshape that moves an axis into the batch makes several rows of a sample; every figure is of the sample still."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import isospike as iso
from blocks import Network
from isospike.errors import ConversionError, SimulationError
from isospike.graphs.graph import op_of
from isospike.network import EmittingNetwork

X = torch.randn(4, 3, 16, 16, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
METHODS = {"streaming": iso.methods.Maximum(), "emitting": iso.methods.BitCoded(bits=4)}


def layers() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    return {"first": nn.Conv2d(1, 4, 3), "second": nn.Conv2d(4, 2, 3), "head": nn.Linear(6, 5)}


def merged() -> nn.Module:
    """One network for every channel of the image, its answers side by side."""

    def forward(n, x):
        y = n.second(n.first(x.reshape(-1, 1, 16, 16)).relu()).relu().mean((2, 3))
        return n.head(y.reshape(-1, 6))

    return Network(forward, layers()).double().eval()


def grouped() -> nn.Module:
    """The same with the channels in groups of one convolution."""

    def forward(n, x):
        y = torch.nn.functional.conv2d(x, n.first.weight.repeat(3, 1, 1, 1), n.first.bias.repeat(3), groups=3)
        y = torch.nn.functional.conv2d(y.relu(), n.second.weight.repeat(3, 1, 1, 1), n.second.bias.repeat(3), groups=3)
        return n.head(y.relu().mean((2, 3)))

    return Network(forward, layers()).double().eval()


def test_rows_are_known():
    graph = iso.capture(merged(), X)
    assert [op.rows for op in graph.ops] == [3, 3, 3, 3, 3, 3, 1, 1]


def converted(method: str) -> tuple[iso.SNN, iso.SNN, dict[str, int]]:
    """Both networks with the thresholds of one: counts can be compared."""
    ones, many = (iso.convert(make(), METHODS[method], data=[X]) for make in (merged, grouped))
    for site, other in zip(ones.sites, many.sites, strict=True):
        for name, tensor in ones.graph.get_submodule(site).named_buffers():
            twin = many.graph.get_submodule(other)
            shared = tensor if tensor.dim() == 0 else tensor.repeat(3, *(1,) * (tensor.dim() - 1))
            setattr(twin, name, shared.clone())
    return ones, many, {} if isinstance(ones, EmittingNetwork) else {"steps": 6}


@pytest.mark.parametrize("method", METHODS)
def test_spikes_and_costs_are_those_of_the_same_network_without_rows(method):
    ones, many, steps = converted(method)
    for site, other in zip(ones.sites, many.sites, strict=True):
        one = next(op_of(n) for n in ones.graph.op_nodes() if op_of(n).name == site)
        assert one.rows == 3
        a, b = (iso.simulate(snn, X, **steps).spikes[name] for snn, name in ((ones, site), (many, other)))
        assert torch.equal(a, b)
    (a,), (b,) = (iso.account(snn, [X[:3], X[3:]], **steps).values() for snn in (ones, many))
    for count in ("spikes", "packets", "synops", "macs", "neuron_updates", "weight_bytes", "membrane_bytes"):
        assert getattr(a.total(), count) == getattr(b.total(), count), count


@pytest.mark.parametrize("method", METHODS)
def test_it_saves_loads_and_is_diagnosed(method, tmp_path):
    snn = iso.convert(merged(), METHODS[method], data=[X])
    steps = {} if isinstance(snn, EmittingNetwork) else {"steps": 6}
    snn.save(tmp_path / "net.snn")
    assert torch.equal(iso.load(tmp_path / "net.snn")(X, **steps), snn(X, **steps))
    assert not iso.diagnose(merged(), snn, X, **steps).faults


@pytest.mark.parametrize("method", METHODS)
def test_it_is_verified(method):
    snn = iso.convert(merged(), METHODS[method], data=[X])
    steps = {} if isinstance(snn, EmittingNetwork) else {"steps": 6}
    found = iso.verify(merged(), snn, [X[:3], X[3:]], **steps)
    assert found.images == 4
    assert found.exact is isinstance(snn, EmittingNetwork)


@torch.no_grad()
def test_the_first_difference_is_of_a_sample_and_of_its_row():
    snn = iso.convert(merged(), METHODS["emitting"], data=[X])
    snn.graph.get_submodule("second").weight[0, 0, 0, 0] += 0.5
    found = iso.verify(merged(), snn, [X[:3], X[3:]])
    assert [bool(site.wrong_codes and site.wrong_spikes) for site in found.sites] == [False, True]
    assert found.first_difference.startswith("site 'relu#2': image 0, neuron [0, 0, ")


def test_what_needs_one_row_of_a_sample_says_so():
    with pytest.raises(ConversionError, match="exact=True cannot"):
        iso.convert(merged(), iso.methods.BitCoded(bits=4, exact=True), data=[X])
    snn = iso.convert(merged(), METHODS["streaming"], data=[X])
    with pytest.raises(SimulationError, match="several rows"):
        iso.simulate(snn, X, steps=4, exit=iso.exits.Confidence(0.9))
