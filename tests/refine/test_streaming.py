"""Calibration of streaming networks beside the papers' forms: the whole network run anew for every layer."""

from __future__ import annotations

import copy

import pytest
import torch
from streaming_pairs import STEPS, errors, layers, pair, refine
from torch import Tensor

import isospike as iso
from isospike.calibrate.batches import Batches
from isospike.graphs import Graph, Role
from isospike.measure.deviation import with_sites
from isospike.methods import FTBC, CalibrationLight
from isospike.network import Profile, Provenance, network_of
from isospike.neurons import StreamingNeuron
from isospike.neurons import streaming as neurons
from isospike.refine import (
    BiasCalibration,
    BiasShift,
    Calibration,
    PotentialCalibration,
    TemporalBiasCalibration,
    WeightCalibration,
)
from networks import NETWORKS

NAMES = ["concat", "reused_relu", "max_pools"]
PASSES = [
    BiasShift(),
    BiasCalibration(16),
    PotentialCalibration(16),
    TemporalBiasCalibration(),
    WeightCalibration(16, iterations=3, batch_size=4),
]


def naive(correct, ann: Graph, spiking: Graph, x: Tensor) -> Graph:
    """Layer after layer, with the whole network run anew for each."""
    spiking = copy.deepcopy(spiking)
    for site, neuron in layers(spiking).items():
        correct(neuron, errors(ann, spiking, x)[site])
    return spiking


def add_mean_error(neuron: StreamingNeuron, error: Tensor) -> None:
    mean = error.mean([axis for axis in range(error.dim()) if axis != 1])
    neuron.bias = mean.view(1, -1, *(1,) * (error.dim() - 2)) + (0 if neuron.bias is None else neuron.bias)


def add_potential(neuron: StreamingNeuron, error: Tensor) -> None:
    neuron.v_init = neuron.v_init + STEPS * error.mean(0)


@pytest.mark.parametrize("kind", list(neurons))
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("pass_", "correct", "changed"),
    [(BiasCalibration(16), add_mean_error, "bias"), (PotentialCalibration(16), add_potential, "v_init")],
    ids=["bias", "potential"],
)
def test_one_batch_gives_the_papers_correction(pass_, correct, changed, name, kind, captured):
    ann, spiking, x = pair(name, captured, kind)
    wanted = layers(naive(correct, ann, spiking, x))
    for site, neuron in layers(refine([pass_], ann, spiking, x)).items():
        # float64; the sums are the same but for their order
        torch.testing.assert_close(getattr(neuron, changed), getattr(wanted[site], changed), rtol=1e-9, atol=1e-12)


def test_temporal_bias_is_that_of_the_pseudo_code(captured):
    """Algorithm 1 written out for the first IF neurons, which go on with the current that they will have."""
    ann, spiking, x = pair("module_relu", captured)
    found = layers(refine([TemporalBiasCalibration(iterations=1)], ann, spiking, x))
    activations = dict(zip(spiking.sites, with_sites(ann)(x)[1], strict=True))
    site = spiking.sites[0]
    neuron, a = layers(spiking)[site], activations[site]
    theta, v = neuron.v_threshold, neuron.v_init.expand_as(a[0]).clone()
    with torch.no_grad():
        z = spiking.get_submodule(str(spiking.nodes_with(Role.ACTIVATION)[0].args[0].target))(x)
    v = v.expand_as(a).clone()
    for t in range(STEPS):
        moved = v + z
        error = theta * (moved >= theta) - a
        mean = error.mean([axis for axis in range(error.dim()) if axis != 1], keepdim=True)[0]
        corrected = moved - 0.5 * mean
        v = corrected - theta * (corrected >= theta)
        torch.testing.assert_close(found[site].bias[t], -0.5 * mean, rtol=1e-9, atol=1e-12)


@torch.no_grad()
@pytest.mark.parametrize(
    "method", [CalibrationLight(steps=(8,), refine_images=8, scale="maximum"), FTBC(steps=(8,), iterations=2)]
)
def test_channels_may_be_the_last_axis(method):
    """Tokens ``[B, N, C]``: one bias per feature, the mean over batch and tokens."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.ReLU(), torch.nn.Linear(6, 3), torch.nn.ReLU())
    model, x = model.double().eval(), torch.randn(8, 5, 4).double()
    snn = iso.convert(model, method, data=[x]).at(8)
    assert [neuron.bias.shape[1:] for neuron in layers(snn.graph).values()] == [(6,), (3,)]
    neuron, a = layers(snn.graph)[snn.sites[0]], model[:2](x)
    theta = neuron.v_threshold
    bare = neurons["integrate-and-fire"](theta, neuron.v_init)
    if isinstance(method, CalibrationLight):
        bare.bias = theta.view(1, -1) / 16
        out, _ = bare.advance(model[0](x).expand(8, -1, -1, -1), bare.start(x.new_empty(a.shape)), overwrite=False)
        correction = (a - out.mean(0)).mean((0, 1))
        # float64 means of 40 values
        torch.testing.assert_close(neuron.bias[0], theta / 16 + correction, rtol=1e-12, atol=1e-12)
    else:
        error = theta * (neuron.v_init + model[0](x) >= theta) - a
        first = -0.5 * error.mean((0, 1))
        error = theta * (neuron.v_init + model[0](x) + first >= theta) - a  # the second batch is the same
        torch.testing.assert_close(neuron.bias[0], first - 0.5 * error.mean((0, 1)), rtol=1e-12, atol=1e-12)
    assert snn(x, steps=8).isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_means_of_channels_approach_those_of_the_ann(name, captured):
    ann, spiking, x = pair(name, captured)

    def worst(graph: Graph) -> float:
        return max(e.mean([a for a in range(e.dim()) if a != 1]).norm().item() for e in errors(ann, graph, x).values())

    calibration = Calibration(Batches([x] * 30), STEPS)
    calibrated = BiasCalibration(30 * 16).refine(ann, spiking, calibration)
    assert worst(calibrated) < worst(spiking) / 2


@torch.no_grad()
@pytest.mark.parametrize("name", NAMES)
def test_temporal_bias_brings_the_means_of_every_step_closer(name, captured):
    """What is calibrated is what runs: more batches do no harm."""
    ann, spiking, x = pair(name, captured)
    _, activations = with_sites(ann)(x)

    def distance(graph: Graph) -> float:
        network = network_of(with_sites(graph), Profile(Provenance("test")))
        outputs = iso.simulate(network, x, steps=STEPS, record=iso.Record(outputs=True)).outputs[1]
        errors = [train - a for train, a in zip(outputs, activations, strict=True)]
        return sum(e.mean([a for a in range(e.dim()) if a not in (0, 2)]).square().sum().item() for e in errors)

    plain, few, many = (distance(graph) for graph in (spiking, *(corrected(n, ann, spiking, x) for n in (2, 40))))
    assert many < few < plain


def corrected(count: int, ann: Graph, spiking: Graph, x: torch.Tensor) -> Graph:
    """With the temporal bias of so many batches, all the same."""
    return TemporalBiasCalibration(iterations=count).refine(ann, spiking, Calibration(Batches([x]), STEPS))


def test_passes_compose_and_touch_only_what_they_say(captured):
    ann, spiking, x = pair("concat", captured)
    kept = [copy.deepcopy(graph.state_dict()) for graph in (ann, spiking)]
    now, changes = spiking, []
    for one in PASSES:
        before = now.state_dict()
        now = refine([one], ann, now, x)
        after = now.state_dict()
        changed = {key for key in after if key not in before or not torch.equal(after[key], before[key])}
        changes.append({key.rpartition(".")[2] for key in changed})
    assert changes == [{"bias"}, {"bias"}, {"v_init"}, {"bias"}, {"weight"}]
    for graph, state in zip((ann, spiking), kept, strict=True):
        assert list(graph.state_dict()) == list(state)
        assert all(torch.equal(value, state[key]) for key, value in graph.state_dict().items())


@pytest.mark.parametrize("one", PASSES[:4], ids=lambda one: type(one).__name__)
def test_memory_does_not_decide(one, captured):
    """A budget of one sample gives other parts of batches, so other averages, but the same kind of network."""
    ann, spiking, x = pair("concat", captured)
    small = refine([one], ann, spiking, x, memory_budget=1)
    assert list(small.state_dict()) == list(refine([one], ann, spiking, x).state_dict())


def test_the_parts_of_a_batch_share_its_rate(captured):
    """Sixteen parts of equal images: together they take off no more than the batch as a whole would."""
    ann, spiking, x = pair("module_relu", captured)
    x, one, site = x[:1].expand(16, -1, -1, -1), TemporalBiasCalibration(iterations=1), spiking.sites[0]
    whole, parts = (layers(refine([one], ann, spiking, x, memory_budget=budget))[site] for budget in (2**30, 1))
    assert (parts.bias.abs() <= one.learning_rate * whole.v_threshold).all()  # an error is at most one spike
    first = whole.bias[0].abs()  # the first step starts where the batch as a whole does, and its errors only fall
    assert (parts.bias[0].abs() <= first * (1 + 1e-12)).all()  # float64, sums of sixteen
    assert (parts.bias[0].abs() >= first / 2).all()


@pytest.mark.parametrize(("one", "name"), [(BiasCalibration(16), "bias"), (PotentialCalibration(16), "v_init")])
def test_every_image_weighs_the_same(one, name, captured):
    """The first layer sees the image alone: three quarters and a quarter make the mean over all."""
    ann, spiking, x = pair("concat", captured)
    first = spiking.sites[0]
    uneven = one.refine(ann, spiking, Calibration(Batches([x[:12], x[12:]]), STEPS))
    by_part = [getattr(layers(one.refine(ann, spiking, Calibration(Batches([x[:12]]), STEPS)))[first], name)]
    halfway = copy.deepcopy(spiking)
    setattr(layers(halfway)[first], name, by_part[0])
    rest = getattr(layers(one.refine(ann, halfway, Calibration(Batches([x[12:]]), STEPS)))[first], name)
    wanted = by_part[0] + (rest - by_part[0]) / 4
    # float64; a product with 1/4 in another place
    torch.testing.assert_close(getattr(layers(uneven)[first], name), wanted, rtol=1e-9, atol=1e-12)


def test_half_a_threshold_is_not_added_twice(captured):
    """A zero input without a bias gives no spikes, wherever the half comes from."""
    ann, spiking, x = pair("module_relu", captured)
    site = spiking.sites[0]
    rounded = layers(refine([BiasShift()], ann, spiking, x))[site]
    assert not rounded.bias.any()
    floored = copy.deepcopy(spiking)
    layers(floored)[site].v_init.zero_()
    neuron = layers(refine([BiasShift()], ann, floored, x))[site]
    torch.testing.assert_close(STEPS * neuron.bias[0], neuron.v_threshold / 2, rtol=1e-12, atol=0)  # float64


def test_one_image_more_than_asked_for_is_not_used(captured):
    x = NETWORKS["concat"].inputs(6)
    method = CalibrationLight(steps=(3,), refine_images=4, scale="maximum")
    ann, spiking, _ = pair("concat", captured)
    few, many = (
        BiasCalibration(4).refine(ann, spiking, Calibration(Batches(data), 3))
        for data in ([x[:3].double(), x[3:4].double()], [x[:3].double(), x[3:].double()])
    )
    assert all(torch.equal(value, many.state_dict()[key]) for key, value in few.state_dict().items())
    assert method.refine_images == 4
