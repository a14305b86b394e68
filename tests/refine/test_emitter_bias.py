"""Bias calibration beside the paper's layer-by-layer form, and what it promises."""

from __future__ import annotations

import copy

import pytest
import torch

import isospike as iso
from isospike.calibrate.batches import Batches
from isospike.errors import CalibrationError
from isospike.graphs import Graph, Role
from isospike.graphs.graph import op_of
from isospike.methods import BitCoded
from isospike.neurons import Emitter
from isospike.refine import Calibration, EmitterBiasCalibration
from networks import NETWORKS

NAMES = ["concat", "reused_relu", "max_pools"]
UNREFINED = BitCoded(bits=3, calibrate_bias=False)


def pair(name: str, captured) -> tuple[Graph, Graph, torch.Tensor]:
    """The ANN and its network before the calibration, in float64, and inputs."""
    ann = iso.fold_batch_norm(captured(name)).double()
    x = NETWORKS[name].inputs(24).double()
    return ann, iso.convert(ann, UNREFINED, data=[x]).graph, x


def calibrate_bias(ann: Graph, spiking: Graph, data) -> Graph:
    return EmitterBiasCalibration().refine(ann, spiking, Calibration(Batches(data)))


def outputs(graph: Graph, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """What every site puts out."""
    found: dict[str, torch.Tensor] = {}

    def keep(name: str):
        return lambda module, args, out: found.update({name: out})

    hooks = [
        graph.module_of(node).register_forward_hook(keep(op_of(node).name))
        for node in graph.nodes_with(Role.ACTIVATION)
    ]
    with torch.no_grad():
        graph(x)
    for hook in hooks:
        hook.remove()
    return found


def channel_means(x: torch.Tensor) -> torch.Tensor:
    return x.mean([axis for axis in range(x.dim()) if axis != 1])


def neurons(graph: Graph) -> dict[str, Emitter]:
    return {op_of(node).name: graph.module_of(node) for node in graph.nodes_with(Role.ACTIVATION)}


@pytest.mark.parametrize("name", NAMES)
def test_one_batch_gives_the_papers_correction(name, captured):
    """Layer after layer, the whole network run anew for each: ``b_c += mean(x - s)``."""
    ann, spiking, x = pair(name, captured)
    calibrated = calibrate_bias(ann, spiking, [x])
    naive, wanted = copy.deepcopy(spiking), outputs(ann, x)
    for site, neuron in neurons(naive).items():
        error = channel_means(wanted[site]) - channel_means(outputs(naive, x)[site])
        neuron.v_init = neuron.v_init + error.view(-1, *(1,) * (wanted[site].dim() - 2))
    for site, neuron in neurons(calibrated).items():
        # float64; the means are the same sums
        torch.testing.assert_close(neuron.v_init, neurons(naive)[site].v_init, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_the_means_of_the_channels_approach_those_of_the_ann(name, captured):
    ann, spiking, x = pair(name, captured)
    wanted = outputs(ann, x)

    def worst(graph: Graph) -> float:
        found = outputs(graph, x)
        errors = [channel_means(found[site] - wanted[site]).norm() for site in wanted]
        return torch.stack(errors).max().item()

    assert worst(calibrate_bias(ann, spiking, [x] * 40)) < worst(spiking) / 2


def test_neither_the_ann_nor_the_network_is_changed(captured):
    ann, spiking, x = pair("concat", captured)
    before = [copy.deepcopy(graph.state_dict()) for graph in (ann, spiking)]
    calibrated = calibrate_bias(ann, spiking, [x])
    for graph, state in zip((ann, spiking), before, strict=True):
        assert all(torch.equal(value, state[key]) for key, value in graph.state_dict().items())
    assert list(calibrated.state_dict()) == list(spiking.state_dict())
    changed = {key for key, value in calibrated.state_dict().items() if not torch.equal(value, before[1].get(key))}
    assert changed
    assert all(key.endswith(".v_init") for key in changed)


def test_trained_staircases_are_left_alone(captured):
    x = NETWORKS["concat"].inputs(24)
    trained = iso.quantise(captured("concat"), iso.activations.QCFS(levels=3), data=[x])
    with_it, without = (iso.convert(trained, BitCoded(calibrate_bias=on), data=[x]) for on in (True, False))
    assert all(torch.equal(a, b) for a, b in zip(with_it.buffers(), without.buffers(), strict=True))


def test_the_certificate_of_a_calibrated_network_holds(captured):
    x = NETWORKS["concat"].inputs(24)
    snn = iso.convert(captured("concat"), BitCoded(bits=3), data=[x])
    assert iso.verify(captured("concat"), snn, [x]).exact
    assert "li2021free" in iso.cite(snn)


def test_data_that_can_be_read_once_are_refused_with_what_to_do(captured):
    x = NETWORKS["concat"].inputs(4)
    with pytest.raises(CalibrationError, match="one-shot iterator"):
        iso.convert(captured("concat"), BitCoded(), data=iter([x, x]))
    assert iso.convert(captured("concat"), UNREFINED, data=iter([x, x])).steps == 3


def test_wrong_batches_are_refused(captured):
    ann, spiking, x = pair("concat", captured)
    with pytest.raises(CalibrationError, match="NaN or infinity"):
        calibrate_bias(ann, spiking, [x * torch.nan])
    with pytest.raises(CalibrationError, match="samples of shape"):
        calibrate_bias(ann, spiking, [x[:, :, :-1]])
