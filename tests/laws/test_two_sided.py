"""Piecewise linear functions of both signs: exact sites, whatever their slopes and bounds."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import isospike as iso
from blocks import Network
from isospike.errors import ConversionError
from isospike.graphs import Role
from isospike.neurons import BitCodedNeuron, Currents, Pasc
from isospike.neurons.codes import Binary, SignMagnitude, Unary
from isospike.neurons.signed_digits import SignedDigits
from isospike.neurons.twos_complement import TwosComplement
from isospike.ops.two_sided import Absolute, Bounded, Leaky, ParametricLeaky, SoftShrink
from short_methods import EMITTING

CODES = iso.Record(codes=True)
CHANNELS = 6
X = torch.randn(12, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
number = st.floats(0.01, 2.0)
FUNCTIONS = {
    "leaky": number.map(nn.LeakyReLU),
    "leaky downwards": number.map(lambda a: nn.LeakyReLU(-a)),
    "leaky in place": number.map(lambda a: nn.LeakyReLU(a, inplace=True)),
    "random leaky": st.tuples(number, number).map(lambda ab: nn.RReLU(min(ab), max(ab))),
    "one slope": number.map(lambda a: nn.PReLU(init=a)),
    "a slope for every channel": number.map(lambda a: _sloped(a)),
    "magnitude": st.just(torch.abs),
    "from below": number.map(lambda a: lambda z: z.clamp(min=-a)),
    "from above": number.map(lambda a: lambda z: z.clamp(max=a)),
    "never positive": st.just(lambda z: z.clamp(max=0)),
    "hard tanh": st.just(nn.Hardtanh()),
    "both bounds": st.tuples(number, number).map(lambda ab: nn.Hardtanh(-ab[0], ab[1])),
    "as a clamp": st.tuples(number, number).map(lambda ab: lambda z: torch.clamp(z, -ab[0], ab[1])),
    "soft shrinkage": number.map(lambda a: nn.Softshrink(a / 4)),
    "hard sigmoid": st.just(nn.Hardsigmoid()),
}
"""Everything that is exact as one site, with random constants."""


def _sloped(a: float) -> nn.PReLU:
    slope = nn.PReLU(CHANNELS)
    with torch.no_grad():
        slope.weight.copy_(torch.linspace(-a, a, CHANNELS))
    return slope


def network(function, *, pool: bool = False) -> nn.Module:
    """Two calls of one function, behind the image and behind itself."""
    torch.manual_seed(0)
    layers = {
        **{"first": nn.Conv2d(3, CHANNELS, 3, padding=1), "second": nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)},
        **{"head": nn.Linear(CHANNELS, 5), "function": function},
    }
    if not isinstance(function, nn.Module):
        del layers["function"]

    def forward(n, x):
        call = n.function if isinstance(function, nn.Module) else function
        y = call(n.first(x))
        y = F.max_pool2d(y, 3, 2, 1) if pool else y
        return n.head(call(n.second(y)).mean((2, 3)))

    return Network(forward, layers).double().eval()


def converted(model, method, **options) -> iso.SNN:
    return iso.convert(model, method, data=[X], sites="rectifiers", **options)


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=5, deadline=None)
@given(data=st.data())
def test_the_graph_is_the_model_and_twelve_bits_are_nearly_the_network(name, data):
    model = network(data.draw(FUNCTIONS[name]))
    graph = iso.capture(model, X)
    assert torch.equal(graph(X), model(X))
    assert len(graph.sites) == 2
    assert not graph.nodes_with(Role.ANALOGUE)
    snn = converted(graph, iso.methods.BitCoded(bits=12, scale="maximum"))
    # rounding to 2^-13 of the largest value, at two layers whose values are a tenth of it or more
    assert (snn(X) - model(X)).norm() <= 2**-10 * model(X).norm()


@pytest.mark.parametrize("method", EMITTING)
@pytest.mark.parametrize("pool", [False, True], ids=["", "pooled"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_stepped_is_collapsed_is_the_quantised_ann_is_the_file(name, pool, method, tmp_path):
    model = network(_example(name), pool=pool)
    snn = converted(model, EMITTING[method])
    runs = [iso.simulate(snn, X, executor=way, record=CODES) for way in ("collapsed", "stepped")]
    for site in snn.sites:
        assert torch.equal(runs[0].codes[site], runs[1].codes[site]), site
        assert torch.equal(runs[0].spikes[site], runs[1].spikes[site]), site
    certificate = iso.verify(model, snn, [X])
    assert certificate.exact, certificate
    snn.save(tmp_path / "net.snn")
    read = iso.load(tmp_path / "net.snn")
    assert torch.equal(read(X), snn(X))
    assert [read.neuron(site).is_signed for site in read.sites] == [snn.neuron(site).is_signed for site in snn.sites]


def _example(name: str) -> nn.Module:
    """The function of a name with constants that are none of the grid's."""
    fixed = {
        **{
            "leaky": nn.LeakyReLU(0.1),
            "leaky downwards": nn.LeakyReLU(-0.3),
            "leaky in place": nn.LeakyReLU(0.2, True),
        },
        **{"random leaky": nn.RReLU(), "one slope": nn.PReLU(), "a slope for every channel": _sloped(0.7)},
        **{"magnitude": torch.abs, "from below": lambda z: z.clamp(min=-0.3), "from above": lambda z: z.clamp(max=0.3)},
        **{
            "never positive": lambda z: z.clamp(max=0),
            "hard tanh": nn.Hardtanh(),
            "both bounds": nn.Hardtanh(-0.3, 0.6),
        },
        **{"as a clamp": lambda z: torch.clamp(z, -0.4, 0.2), "soft shrinkage": nn.Softshrink(0.1)},
        "hard sigmoid": nn.Hardsigmoid(),
    }
    return fixed[name]


GRID = {
    **{"leaky": nn.LeakyReLU(0.125), "slopes": nn.PReLU(CHANNELS, init=-0.75), "magnitude": torch.abs},
    **{"hard tanh": nn.Hardtanh(), "bounds": nn.Hardtanh(-0.5, 0.25), "shrinkage": nn.Softshrink(0.25)},
    "hard sigmoid": nn.Hardsigmoid(),
}


@pytest.mark.parametrize("name", GRID)
def test_binary_fractions_are_exact_on_the_grid(name):
    model = network(GRID[name])
    snn = converted(model, iso.methods.BitCoded(bits=5, exact=True))
    runs = [iso.simulate(snn, X, executor=way, record=CODES) for way in ("collapsed", "stepped")]
    assert torch.equal(runs[0].output, runs[1].output)
    certificate = iso.verify(model, snn, [X])
    assert certificate.exact
    assert certificate.output_error == 0


def test_other_constants_are_refused_on_the_grid():
    with pytest.raises(ConversionError, match=r"constants of 'function' \(Leaky\(slope=0.1\)\).*convert without it"):
        converted(network(nn.LeakyReLU(0.1)), iso.methods.BitCoded(bits=5, exact=True))


SIDES = {
    "leaky": (Leaky(0.1), 0.1),
    "slopes": (ParametricLeaky(torch.tensor(0.3, dtype=torch.float64)), 0.3),
    "bounded": (Bounded(-0.5, 0.75), 1.0),
    "shrinkage": (SoftShrink(0.2), 1.0),
    "magnitude": (Absolute(), -1.0),
}


@pytest.mark.parametrize("kind", [BitCodedNeuron, Pasc])
@pytest.mark.parametrize("name", SIDES)
def test_a_population_reads_the_current_and_another_its_negative(name, kind):
    """The one has the thresholds of a rectifier; the other those divided by the slope, and the sign of its weights."""
    function, slope = SIDES[name]
    unit, levels = torch.tensor(0.09, dtype=torch.float64), 9
    neuron = kind(unit, levels, activation=function)
    z = torch.linspace(-3, 3, 1201, dtype=torch.float64).view(1, -1) / 3
    train = torch.stack([2 * z, -z])
    spikes = neuron.emit(Currents(train)).spikes
    codes = neuron.code.decode(spikes)
    assert torch.equal(codes, neuron.codes(z).long())
    assert (codes < 0).any() == neuron.is_signed
    one = ((function(z.relu()) / unit) + 0.5).floor().clamp(0, levels)
    other = ((function(-(-z).relu()).abs() / unit) + 0.5).floor().clamp(0, levels)
    near = ((function(z) / unit) % 1 - 0.5).abs() > 1e-6  # ties may go either way
    expected = one + other * (-1 if slope > 0 else 1)
    assert torch.equal(codes[near], expected.long()[near])


SIGNED = [SignMagnitude(Binary()), SignMagnitude(Unary()), SignedDigits(), TwosComplement()]


@pytest.mark.parametrize("signed", SIGNED, ids=["binary", "unary", "digits", "complement"])
@given(st.data())
@settings(max_examples=30, deadline=None)
def test_a_max_pool_of_signed_trains_is_the_train_of_the_largest(signed, data):
    levels = data.draw(st.sampled_from([3, 7, 15]))
    values = st.lists(st.integers(-levels, levels), min_size=64, max_size=64)
    codes = torch.tensor(data.draw(values)).view(1, 1, 8, 8)
    pool = nn.MaxPool2d(3, 2, 1)
    steps = signed.steps(levels)
    weights = torch.tensor(signed.weights(steps)).view(-1, 1, 1, 1, 1)
    pooled = signed.max_pool((signed.encode(codes, steps) * weights * 0.5).double(), pool)
    largest = pool(codes.double()).long()
    assert torch.equal(pooled, (signed.encode(largest, steps) * weights * 0.5).double())


def test_a_leaky_network_is_billed_like_its_relu_twin():
    """Spikes of both populations go through the same synapses; written as two rectifiers they do not stay spikes."""
    leaky, relu = network(nn.LeakyReLU(0.1)), network(nn.ReLU())
    twice = network(lambda z: z.relu() - 0.1 * (-z).relu())
    bills, nets = {}, {}
    for name, model in (("leaky", leaky), ("relu", relu), ("twice", twice)):
        nets[name] = converted(model, iso.methods.BitCoded(bits=4))
        (bills[name],) = iso.account(nets[name], [X]).values()
    first = 64 * 9 * 3 * CHANNELS - _cut(3)
    for name in ("leaky", "relu"):
        assert bills[name].total().macs == first, name
        assert bills[name].total().synops == _synops(nets[name]) / len(X), name
    assert bills["twice"].total().macs > 2 * first


def _cut(channels: int) -> int:
    """Multiplications with the padding of a 3 x 3 convolution of 8 x 8 values."""
    inside = F.conv2d(torch.ones(1, 1, 8, 8), torch.ones(1, 1, 3, 3), padding=1).sum()
    return (64 * 9 - int(inside)) * channels * CHANNELS


def _synops(snn: iso.SNN) -> int:
    """Every event times the number of synapses of its neuron, one by one."""
    run = iso.simulate(snn, X, executor="stepped", record=CODES)
    reach = F.conv2d(torch.ones(1, 1, 8, 8), torch.ones(1, 1, 3, 3), padding=1).long() * CHANNELS
    first, second = (snn.neuron(site).code.events(run.codes[site], snn.neuron(site).steps) for site in snn.sites)
    return int((first * reach).sum() + second.sum() * 5)


MIXED = Network(lambda n, x: n.inner(x).relu(), {"inner": network(nn.LeakyReLU(0.1))}).eval()
"""A leaky network with a rectifier at its end."""


def test_streaming_neurons_read_the_function_of_decoded_values():
    """``f`` of the mean current so far is an island; the signed site behind it keeps the name."""
    with pytest.raises(ConversionError, match=r"leaky_relu.*analogue='allow'"):
        converted(MIXED, iso.methods.Maximum())
    snn = converted(MIXED, iso.methods.Maximum(), analogue="allow")
    assert snn.sites == ("inner.function", "inner.function#2", "relu")
    errors = [(snn(X, steps=steps) - MIXED(X)).norm() for steps in (8, 64, 512)]
    assert errors[2] < errors[1] / 4 < errors[0] / 16  # as 1 / T
    assert len(iso.verify(MIXED, snn, [X], steps=8).sites) == 3
    (bill,) = iso.account(snn, [X[:2]], steps=8).values()
    assert bill.total().synops > 0


def test_neurons_of_one_sign_leave_the_function_alone():
    snn = converted(MIXED, iso.methods.SNM(), analogue="allow")
    assert snn.sites == ("relu",)
    assert len(iso.verify(MIXED, snn, [X], steps=8).sites) == 1


def yolo() -> nn.Module:
    """Stages as DarkNet, CSP and YOLO have them: leaky residuals, a split and join, pools, an upsampled branch."""
    torch.manual_seed(0)

    def unit(inside: int, outside: int, kernel: int = 3, stride: int = 1) -> nn.Module:
        conv = nn.Conv2d(inside, outside, kernel, stride, kernel // 2, bias=False)
        return nn.Sequential(conv, nn.BatchNorm2d(outside), nn.LeakyReLU(0.1))

    layers = {
        **{"stem": unit(3, 8), "down": unit(8, 16, 3, 2), "left": unit(16, 8, 1), "right": unit(16, 8, 1)},
        **{"inner": unit(8, 8), "join": unit(16, 16, 1), "deep": unit(16, 16), "merge": unit(32, 16, 1)},
        "head": nn.Conv2d(16, 6, 1),
    }

    def forward(n, x):
        y = n.down(n.stem(x))
        y = n.join(torch.cat([n.left(y), n.inner(n.right(y))], 1))
        deep = n.deep(F.max_pool2d(y, 2))
        return n.head(n.merge(torch.cat([F.interpolate(deep, scale_factor=2), y], 1)))

    return Network(forward, layers).double().eval()


def test_detectors_spike_everywhere():
    model = yolo()
    snn = converted(model, iso.methods.BitCoded(bits=12, scale="maximum"))
    assert len(snn.sites) == sum(isinstance(module, nn.LeakyReLU) for module in model.modules())
    (bill,) = iso.account(snn, [X]).values()
    assert bill.total().macs == _first_macs()  # pools and joins keep spikes
    assert iso.verify(model, snn, [X]).exact
    assert (snn(X) - model(X)).norm() <= 2**-8 * model(X).norm()  # five layers in a row, each rounds to 2^-13


def _first_macs() -> int:
    inside = F.conv2d(torch.ones(1, 1, 8, 8), torch.ones(1, 1, 3, 3), padding=1).sum()
    return int(inside) * 3 * 8
