"""Calibration of streaming networks beside the papers' forms: the whole network run anew for every layer."""

from __future__ import annotations

import copy
import warnings

import pytest
import torch
from torch import Tensor

import isospike as iso
from isospike.calibrate.batches import Batches
from isospike.capture import Graph, Role
from isospike.capture.graph import op_of
from isospike.errors import CalibrationError, OptionError, SimulationError
from isospike.measure.deviation import with_sites
from isospike.methods import FTBC, CalibrationAdvanced, CalibrationLight, Method, Opt
from isospike.network import Provenance
from isospike.neurons import StreamingNeuron
from isospike.neurons import streaming as neurons
from isospike.pooling import place_max_pools
from isospike.refine import (
    BiasCalibration,
    BiasShift,
    Calibration,
    PotentialCalibration,
    TemporalBiasCalibration,
    WeightCalibration,
)
from isospike.refine.weights import mean_output
from networks import NETWORKS

NAMES = ["concat", "reused_relu", "max_pools"]
STEPS = 6
PASSES = [
    BiasShift(),
    BiasCalibration(16),
    PotentialCalibration(16),
    TemporalBiasCalibration(),
    WeightCalibration(16, iterations=3, batch_size=4),
]


def pair(name: str, captured, neuron: str = "integrate-and-fire") -> tuple[Graph, Graph, Tensor]:
    """The ANN and its network before the calibration, in float64, and inputs."""
    ann = place_max_pools(iso.fold_batch_norm(captured(name)).double(), "cumulative")
    x = NETWORKS[name].inputs(16).double()
    kind = neurons[neuron]
    spiking = ann.view()
    scales = iso.convert(ann, iso.methods.Maximum(granularity="channel"), data=[x]).graph
    for node in spiking.nodes_with(Role.ACTIVATION):
        theta = scales.get_submodule(op_of(node).name).v_threshold
        spiking.replace(node, kind(theta, theta / 2, spiking.module_of(node)))
    return ann, spiking, x


def refine(passes, ann: Graph, spiking: Graph, x: Tensor, **options) -> Graph:
    for one in passes:
        spiking = one.refine(ann, spiking, Calibration(Batches([x]), STEPS, **options))
    return spiking


def layers(graph: Graph) -> dict[str, StreamingNeuron]:
    return {op_of(node).name: graph.module_of(node) for node in graph.nodes_with(Role.ACTIVATION)}


@torch.no_grad()
def errors(ann: Graph, spiking: Graph, x: Tensor) -> dict[str, Tensor]:
    """Activation less mean output, ``[B, ...]``, of every site."""
    network = iso.SNN(with_sites(spiking), provenance=Provenance("test"))
    _, means = iso.simulate(network, x, steps=STEPS).output
    _, wanted = with_sites(ann)(x)
    return {site: a - s for site, a, s in zip(spiking.sites, wanted, means, strict=True)}


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
    """Algorithm 1 written out for IF neurons, layer after layer on stored trains."""
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
        corrected = moved - error
        v = corrected - theta * (corrected >= theta)
        mean = error.mean([axis for axis in range(error.dim()) if axis != 1])
        torch.testing.assert_close(found[site].bias[t].flatten(), -0.5 * mean, rtol=1e-9, atol=1e-12)


@torch.no_grad()
@pytest.mark.parametrize("method", [CalibrationLight(steps=(8,), refine_images=8, scale="maximum"), FTBC(steps=(8,))])
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


def test_weight_calibration_finds_weights_again(captured):
    """Every layer gives a fifth too little, which no potential and no bias can undo."""
    ann, spiking, x = pair("reused_relu", captured)
    with torch.no_grad():
        weights = {key: value * 0.8 for key, value in spiking.state_dict().items() if key.endswith(".weight")}
    wrong = spiking.with_tensors(weights)
    one = WeightCalibration(16, iterations=300, batch_size=16, learning_rate=3e-3)
    right, before, after = (
        sum(e.square().mean().item() for e in errors(ann, graph, x).values())
        for graph in (spiking, wrong, refine([one], ann, wrong, x))
    )
    # what rounding to T levels costs stays; of the rest more than half must go
    assert after - right < (before - right) / 2


def test_weight_calibration_does_not_depend_on_where_rows_lie(captured):
    ann, spiking, x = pair("concat", captured)
    one = PASSES[-1]
    elements = 2**40
    memory, files = (refine([one], ann, spiking, x, memory_budget=budget) for budget in (elements, 200_000))
    assert all(torch.equal(value, files.state_dict()[key]) for key, value in memory.state_dict().items())


def test_weight_calibration_goes_on_where_it_stopped(captured, tmp_path):
    ann, spiking, x = pair("concat", captured)
    whole = refine([PASSES[-1]], ann, spiking, x)
    path, told = tmp_path / "work", []

    class Stopped(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        told.append((what, done, total))
        if len({what for what, _, _ in told}) == 3:
            raise Stopped

    one = WeightCalibration(16, iterations=100, batch_size=4)
    with pytest.raises(Stopped):
        refine([one], ann, spiking, x, checkpoint=path, progress=stop)
    again: list[str] = []
    resumed = refine([one], ann, spiking, x, checkpoint=path, progress=lambda what, *_: again.append(what))
    assert len(again) == len(set(again)) < len(layers(spiking))
    expected = refine([one], ann, spiking, x)
    assert all(torch.equal(value, expected.state_dict()[key]) for key, value in resumed.state_dict().items())
    other = refine([PASSES[-1]], ann, spiking, x, checkpoint=path)  # of another configuration: nothing is taken over
    assert all(torch.equal(value, whole.state_dict()[key]) for key, value in other.state_dict().items())


def test_a_file_of_something_else_is_no_checkpoint(captured, tmp_path):
    ann, spiking, x = pair("concat", captured)
    path = tmp_path / "work"
    path.write_bytes(b"something")
    with pytest.raises(CalibrationError, match="calibration checkpoint"):
        refine([PASSES[-1]], ann, spiking, x, checkpoint=path)


def test_mean_output_is_the_closed_form():
    theta, steps = torch.tensor(0.5).double(), 7
    neuron = neurons["integrate-and-fire"](theta, theta / 4, bias=torch.tensor([0.125]).double())
    z = (torch.arange(-16, 40).double() / 32).requires_grad_()
    got = mean_output(neuron, z, steps)
    run, _ = neuron.advance(z.detach().expand(steps, 1, -1), neuron.start(z.detach()[None]), overwrite=False)
    # all numbers are multiples of 1/32 and sums of seven
    torch.testing.assert_close(got.detach(), run.mean(0)[0], rtol=1e-12, atol=0)
    (slope,) = torch.autograd.grad(got.sum(), z)
    assert torch.equal(slope, ((z + 0.125 + theta / 28 > 0) & (z + 0.125 + theta / 28 < 0.5)).double())


CALIBRATED: list[Method] = [
    Opt(steps=(2, 5)),
    CalibrationLight(steps=(2, 5), refine_images=8),
    CalibrationAdvanced(steps=(2, 5), refine_images=8, iterations=2, refine_batch=2),
    FTBC(steps=(2, 5), neuron="burst"),
]


@pytest.mark.parametrize("method", CALIBRATED, ids=lambda method: method.name())
def test_one_object_holds_several_numbers_of_steps(method, captured, tmp_path):
    case = NETWORKS["max_pools"]
    x = case.inputs(8)
    snn = iso.convert(captured("max_pools"), method, data=[x])
    assert snn.calibrated == (2, 5)
    for steps in snn.calibrated:
        alone = iso.convert(
            captured("max_pools"), type(method)(**{**snn.provenance.options, "steps": [steps]}), data=[x]
        )
        # thresholds, biases and weights of one number of steps do not know of others
        assert torch.equal(snn(x, steps=steps), alone(x, steps=steps))
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")
    assert loaded.calibrated == snn.calibrated
    twin = copy.deepcopy(snn)
    for steps in snn.calibrated:
        for other in (loaded, twin, snn.at(steps)):
            assert torch.equal(other(x, steps=steps), snn(x, steps=steps))
    with torch.no_grad():
        assert torch.equal(loaded.ann()(x), snn.ann()(x))
        assert torch.equal(snn.at(2).ann()(x), snn.ann()(x))
        torch.testing.assert_close(snn.ann()(x), case.build()(x))  # folding rounds


def test_steps_that_were_not_calibrated_are_refused(captured, tmp_path):
    x = NETWORKS["concat"].inputs(4)
    snn = iso.convert(captured("concat"), Opt(steps=(2, 5)), data=[x])
    for call in (lambda: snn(x, steps=4), lambda: snn.at(4), lambda: iso.simulate(snn, x, steps=1)):
        with pytest.raises(SimulationError, match=r"not calibrated for \d steps, but for 2, 5"):
            call()
    with pytest.raises(SimulationError, match=r"calibrated for 2, 5 steps; say which"):
        snn(x)
    picked = snn.at(5)
    first = iso.simulate(picked, x, steps=2)
    rest = iso.simulate(picked, x, steps=3, state=first.state)
    torch.testing.assert_close(rest.output, snn(x, steps=5))  # sums in two parts
    with pytest.raises(SimulationError, match="pick one"):
        iso.simulate(snn, x, steps=2, state=first.state)
    picked.save(tmp_path / "five.snn")
    assert iso.load(tmp_path / "five.snn").calibrated == (5,)
    plain = iso.convert(captured("concat"), iso.methods.Maximum(), data=[x])
    assert plain.calibrated == ()
    with pytest.raises(SimulationError, match="runs for any"):
        plain.at(4)


def test_a_schedule_of_biases_ends(captured):
    x = NETWORKS["concat"].inputs(4)
    snn = iso.convert(captured("concat"), FTBC(steps=(3,)), data=[x]).at(3)
    with pytest.raises(SimulationError, match="3 steps"):
        snn(x, steps=4)


def test_fewer_images_than_asked_for_are_one_warning(captured):
    x = NETWORKS["concat"].inputs(4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        iso.convert(captured("concat"), CalibrationLight(steps=(2, 3, 4)), data=[x, x])
    assert [str(warning.message) for warning in caught] == [
        "calibration asks for 128 images, the data hold 8: all were used"
    ]


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


@pytest.mark.parametrize(("scale", "passes"), [("maximum", 1), ("mmse", 3)])
def test_thresholds_that_do_not_depend_on_the_steps_are_found_once(scale, passes, captured):
    opened: list[None] = []

    class Data:
        def __iter__(self):
            opened.append(None)
            return iter([NETWORKS["concat"].inputs(4)])

    iso.convert(captured("concat"), Opt(steps=(2, 3, 4), scale=scale), data=Data())
    assert len(opened) == passes


@pytest.mark.parametrize("steps", [(), (0,), (4, 2), (4, 4)])
def test_steps_must_rise(steps):
    with pytest.raises(OptionError, match="steps must be rising whole numbers"):
        CalibrationLight(steps=steps)


def test_silent_channels_are_counted(captured, tmp_path):
    x = NETWORKS["silent"].inputs(4) if "silent" in NETWORKS else None
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2)).double().eval()
    with torch.no_grad():
        model[0].bias[1] = -1e6
    data = torch.randn(8, 4).double() if x is None or x.shape[1:] != (4,) else x
    for method in (CalibrationLight(steps=(4,), refine_images=8), iso.methods.Buffered(), iso.methods.SNM()):
        snn = iso.convert(model, method, data=[data])
        assert snn.provenance.silent[snn.sites[0]] >= 1
        run = iso.simulate(snn, data, steps=4)
        assert run.output.isfinite().all()
        snn.save(tmp_path / "net.snn")
        assert iso.load(tmp_path / "net.snn").provenance.silent == snn.provenance.silent
