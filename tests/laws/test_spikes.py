"""What spikes are: whole numbers within bounds, none without input, and those of the clip-floor theorem."""

from __future__ import annotations

import copy
import math
import operator
from fractions import Fraction

import pytest
import torch
from torch import nn

import isospike as iso
from blocks import Network
from isospike.graphs import Role
from isospike.neurons import Probing, Tracker
from isospike.refine import BiasShift
from networks import ALL, ISLANDS, NETWORKS
from short_methods import FEW, FREE, METHODS, PROBING, STREAMING, chosen, pairs, shortened

STEPS = 12
WITHOUT_CONSTANTS = [name for name in NETWORKS if name != "arithmetic"]
"""`arithmetic` adds 0.1 in its forward, which is an input of its own."""
QUIET = [
    name for name, method in STREAMING.items() if all(isinstance(one, BiasShift) for one in method.parts().refinements)
]
"""Calibrated currents and potentials are an input of their own; the shift is half a threshold in a whole run."""
LARGER = {
    **STREAMING,
    "graded of three": iso.methods.Buffered(largest=3, powers_of_two=False),
    "shifted signed": shortened(iso.methods.Opt, neuron="signed-memory"),
    "calibrated buffered": shortened(iso.methods.CalibrationLight, neuron="buffered", largest=2),
    "temporal bursts": shortened(iso.methods.FTBC, neuron="burst"),
    "hard reset": shortened(iso.methods.SpikeNorm, reset="hard"),
}
"""Also events of other sizes."""


def limits(neuron: nn.Module) -> tuple[int, int]:
    """Most spikes that one event takes back, and that it is worth."""
    inner = neuron.neuron if isinstance(neuron, Probing) else neuron
    if inner.is_signed:
        return inner.largest, inner.largest
    return (inner.down if isinstance(inner, Tracker) else 0), inner.largest


def decoded(neuron: nn.Module, sent: torch.Tensor) -> torch.Tensor:
    """What was sent so far ``[T, B, ...]``, in thresholds; a spike at step t may change that by a part of itself."""
    times = torch.arange(1, len(sent) + 1).view(-1, *(1,) * (sent.dim() - 1))
    return (sent.double() / times if getattr(neuron, "predicts", False) else sent).cumsum(0)


def digits(numbers: torch.Tensor) -> torch.Tensor:
    """How many ones the binary forms have."""
    return sum(numbers >> place & 1 for place in range(16))


def events(neuron: nn.Module, train: torch.Tensor) -> torch.Tensor:
    """What a neuron sent ``[T, B, ...]`` in thresholds, which are whole numbers."""
    counts = train / neuron.v_threshold
    assert (counts - counts.round()).abs().max() <= 2**-50 * counts.abs().max()  # a product and a quotient
    return counts.round().long()


@pytest.mark.parametrize(
    ("name", "method"), [*pairs(ALL, STREAMING), *pairs(FEW, sorted(LARGER.keys() - STREAMING.keys()))]
)
def test_counts_are_those_of_whole_bounded_events(name, method, converted):
    snn, x = chosen(converted(name, LARGER[method]), STEPS), 3 * ALL[name].inputs(2)
    trains = {}
    watch = lambda site, train: trains.setdefault(site, []).append(train.clone())  # noqa: E731
    run = iso.simulate(snn, x, steps=STEPS, record=iso.Record(watch=watch))
    assert list(run.spikes) == list(run.packets) == list(snn.sites)
    for site in snn.sites:
        neuron = snn.graph.get_submodule(site)
        down, up = limits(neuron)
        sent = events(neuron, torch.cat(trains[site]))
        assert -down <= sent.min() <= sent.max() <= up
        # no more is taken back than was sent, but for a rounding of parts
        assert neuron.is_signed or decoded(neuron, sent).min() >= -1e-12
        sent = sent.flatten(2).abs()
        spikes, packets = run.spikes[site], run.packets[site]
        assert torch.equal(spikes, (digits(sent) if getattr(neuron, "digits", False) else sent).sum(2))
        assert torch.equal(packets, sent.count_nonzero(2))
        assert (packets <= spikes).all()
        assert (spikes <= max(down, up) * packets).all()
        assert torch.equal(run.spikes_per_sample[site], spikes.sum(0))


@pytest.mark.parametrize(("name", "method"), pairs(WITHOUT_CONSTANTS, QUIET))
def test_no_input_and_no_bias_give_no_spike(name, method, captured):
    graph = copy.deepcopy(captured(name))
    with torch.no_grad():
        for key, tensor in graph.state_dict().items():
            if key.endswith(("bias", "running_mean")):
                tensor.zero_()
    snn = iso.convert(graph, STREAMING[method], data=[NETWORKS[name].inputs(8)])
    x = torch.zeros(2, *NETWORKS[name].shape, dtype=torch.float64)
    assert all(not counts.any() for counts in iso.simulate(snn, x, steps=STEPS).spikes.values())
    assert any(counts.any() for counts in iso.simulate(snn, x + 1, steps=STEPS).spikes.values())


@pytest.fixture(scope="module")
def single_layer() -> tuple[iso.Graph, torch.Tensor]:
    """A convolution and its ReLU, captured, and images."""
    torch.manual_seed(0)
    model = Network(lambda n, x: n.conv(x).relu(), {"conv": nn.Conv2d(2, 3, 3)}).double().eval()
    data = torch.randn(2, 2, 4, 4, dtype=torch.float64)
    return iso.capture(model, data), data


THEOREM = [name for name, method in FREE.items() if name not in PROBING and hasattr(method, "v_init")]
"""Whose neurons round down from a start of one's choice; those of thresholds a factor of two apart round to nearest."""


@pytest.mark.parametrize("v_init", [0.0, 0.5, 0.75])
@pytest.mark.parametrize("method", THEOREM)
def test_first_layer_obeys_the_clip_floor_theorem(method, v_init, single_layer):
    graph, data = single_layer
    snn = iso.convert(graph, shortened(iso.methods.methods[method], v_init=v_init), data=[data])
    run = iso.simulate(snn, 1.5 * data, steps=STEPS)
    with torch.no_grad():
        currents = graph.get_submodule("conv")(1.5 * data)
    neuron = snn.graph.get_submodule("relu")
    theta, start = (value.expand(currents.shape) for value in (neuron.v_threshold, neuron.v_init))
    for steps in range(1, STEPS + 1):
        counts = events(neuron, run.outputs[:steps]).sum(0)
        for index in torch.cartesian_prod(*map(torch.arange, currents.shape)).tolist():
            x, v, limit = (Fraction(value[tuple(index)].item()) for value in (currents, start, theta))
            expected = min(max(math.floor((v + steps * x) / limit), 0), steps * neuron.largest)
            assert counts[tuple(index)].item() == expected


@pytest.mark.parametrize("name", [*ISLANDS])
def test_running_mean_behind_an_island_is_the_function_of_the_running_means(name, captured):
    """The last analogue op of the network made an output, beside what it reads."""
    graph = copy.deepcopy(captured(name))
    node = graph.nodes_with(Role.ANALOGUE)[-1]
    inputs = [source for source in node.all_input_nodes if source.op != "get_attr"]
    (output,) = (n for n in graph.graph.nodes if n.op == "output")
    output.args = ((node, *inputs),)
    data = [ISLANDS[name].inputs(4)]
    snn = iso.convert(graph, METHODS["maximum"], data=data, analogue="allow", sites="rectifiers")
    for budget in (1, 10**9):
        run = iso.simulate(snn, ISLANDS[name].inputs(2), steps=STEPS, memory_budget=budget)
        _check_means(graph, node, inputs, run)


def _check_means(graph, node, inputs, run) -> None:
    for steps in range(1, STEPS + 1):
        value, *means = (y[:steps].mean(0) for y in run.outputs)
        known = dict(zip(inputs, means, strict=True))

        def argument(n, known=known):
            return known[n] if n in known else operator.attrgetter(n.target)(graph)

        function = graph.module_of(node) if node.op == "call_module" else node.target
        args, kwargs = torch.fx.map_arg((node.args, node.kwargs), argument)
        with torch.no_grad():
            expected = function(*args, **kwargs)
        # t f(m_t) - (t - 1) f(m_(t-1)) summed over 12 steps: about 12 roundings of 12 times the value
        assert (value - expected).abs().max() <= 1e-12 * max(1.0, expected.abs().max().item())
