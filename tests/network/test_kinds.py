"""A network is of the kind that its neurons are, holds what was converted and no more, and stays as it is."""

from __future__ import annotations

import copy
from itertools import pairwise

import pytest
import torch

import isospike as iso
from isospike.data import Preprocess
from isospike.errors import ConversionError, SimulationError
from isospike.network import (
    CalibratedNetwork,
    CalibratedPart,
    EmittingNetwork,
    Profile,
    Provenance,
    ReadOut,
    StreamingNetwork,
    network_of,
)
from isospike.neurons import Kind
from isospike.ops import Role
from networks import ALL
from short_methods import CALIBRATED, EMITTING, METHODS, STREAMING

X = ALL["reused_relu"].inputs(3)
MEANT_FOR = {
    "readout": (StreamingNetwork, CalibratedNetwork),
    "whole_train": (StreamingNetwork, CalibratedNetwork),
    "at": (CalibratedNetwork,),
    "calibrated": (CalibratedNetwork,),
    "steps": (EmittingNetwork,),
    "trains": (EmittingNetwork,),
}
"""Attributes by the kinds that they mean something for."""


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_one_kind(method, converted):
    snn = converted("reused_relu", METHODS[method])
    wanted = EmittingNetwork if method in EMITTING else CalibratedNetwork if method in CALIBRATED else StreamingNetwork
    assert type(snn) is wanted
    assert snn.kind is (Kind.STREAMING if method in STREAMING else Kind.EMITTING)
    for name, kinds in MEANT_FOR.items():
        assert hasattr(snn, name) is (type(snn) in kinds), name


@pytest.mark.parametrize("method", ["maximum", "bit-coded", "calibration-light"])
def test_a_run_leaves_nothing_behind(method, converted):
    snn = copy.deepcopy(converted("reused_relu", METHODS[method]))
    before = {name: id(value) for name, value in vars(snn).items()}
    snn(X, steps=(snn.times.own or (5,))[-1])
    assert {name: id(value) for name, value in vars(snn).items()} == before


@torch.no_grad()
@pytest.mark.parametrize("method", ["maximum", "bit-coded", "calibration-light"])
def test_what_runs_is_what_would_be_saved(method, converted, tmp_path):
    snn = copy.deepcopy(converted("reused_relu", METHODS[method]))
    steps = (snn.times.own or (5,))[-1]
    answers = [snn(X, steps=steps)]
    weight = next(module.weight for module in snn.graph.modules() if hasattr(module, "weight"))
    weight.mul_(1.5)
    answers.append(snn(X, steps=steps))
    weight.data = weight.data.clone().mul_(1.5)  # a write that no count of versions sees
    answers.append(snn(X, steps=steps))
    for earlier, later in pairwise(answers):
        assert not torch.equal(earlier, later)
    snn.save(tmp_path / "net.snn")
    assert torch.equal(iso.load(tmp_path / "net.snn")(X, steps=steps), answers[-1])


def test_another_graph_is_another_answer(converted):
    snn = copy.deepcopy(converted("reused_relu", METHODS["maximum"]))
    other = converted("reused_relu", METHODS["percentile"])
    snn(X, steps=5)
    snn.graph = copy.deepcopy(other.graph)
    assert torch.equal(snn(X, steps=5), other(X, steps=5))


@pytest.mark.parametrize("method", sorted(CALIBRATED))
def test_one_set_of_a_calibrated_network_is_a_network_of_its_own(method, converted, tmp_path):
    snn = copy.deepcopy(converted("reused_relu", METHODS[method]))
    steps = snn.calibrated[0]
    answer, ann = snn(X, steps=steps), snn.ann()(X)
    part = snn.at(steps)
    assert type(part) is CalibratedPart
    assert torch.equal(part(X, steps=steps), answer)
    part.float()
    assert part(X.float(), steps=steps).dtype == part.ann()(X.float()).dtype == torch.float32
    with torch.no_grad():
        for tensor in (*part.parameters(), *part.buffers()):
            tensor.zero_()
    part.save(tmp_path / "part.snn")
    assert torch.equal(snn(X, steps=steps), answer)
    assert torch.equal(snn.ann()(X), ann)
    assert {tensor.dtype for tensor in (*snn.parameters(), *snn.buffers())} == {torch.float64}


def test_mixed_neurons_are_refused(converted):
    streaming, emitting = (converted("reused_relu", METHODS[name]) for name in ("maximum", "bit-coded"))
    mixed = streaming.graph.view()
    site = mixed.nodes_with(Role.ACTIVATION)[0]
    mixed.replace(site, emitting.neuron(emitting.sites[0]))
    with pytest.raises(ConversionError, match="mixes streaming and accumulate-then-emit"):
        network_of(mixed, Profile(Provenance("by hand")))
    with pytest.raises(ConversionError, match="streaming neurons, this graph accumulate-then-emit"):
        StreamingNetwork(emitting.graph, Profile(Provenance("by hand")))
    with pytest.raises(ConversionError, match="no read-out"):
        network_of(emitting.graph, Profile(Provenance("by hand"), readout=ReadOut(delay=2)))
    plain = emitting.ann()
    with pytest.raises(ConversionError, match="no neurons stand at the sites"):
        network_of(plain, Profile(Provenance("by hand")))


def test_an_emitting_network_has_one_number_of_steps(converted):
    snn = converted("reused_relu", METHODS["bit-coded"])
    with pytest.raises(SimulationError, match=f"takes {snn.steps} steps, {snn.steps + 1} were asked for"):
        snn.settled_steps(snn.steps + 1)
    assert snn.times.own == (snn.steps,) == (snn.settled_steps(None),)


@pytest.mark.parametrize("method", METHODS)
def test_networks_without_several_numbers_of_steps_say_so(method, converted):
    snn = converted("reused_relu", METHODS[method])
    if method in CALIBRATED:
        snn = snn.at(snn.calibrated[0])
    assert not hasattr(snn, "at")
    own = snn.times.own
    runs = f"answers at {own[0]} steps alone" if own else "runs for any number of steps"
    with pytest.raises(SimulationError, match=f"calibrated for several numbers of steps; this .* {runs}: run it"):
        snn.at(4)
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        _ = snn.nothing


def test_a_view_to_be_read_shares_all_but_the_tensors_of_its_steps(converted):
    snn = converted("reused_relu", METHODS["calibration-light"])
    for steps, tensors in snn.tensor_sets.items():
        before = snn.graph.state_dict()
        part, own = snn.for_steps(steps), snn.at(steps)
        assert list(part.graph.graph.nodes) == list(snn.graph.graph.nodes)
        assert not set(own.graph.graph.nodes) & set(snn.graph.graph.nodes)
        for name, value in part.graph.state_dict().items():
            assert value.data_ptr() == (tensors if name in tensors else before)[name].data_ptr(), name
            assert torch.equal(value, own.graph.state_dict()[name])
        after = snn.graph.state_dict()
        assert all(after[name].data_ptr() == value.data_ptr() for name, value in before.items())
        assert torch.equal(part(X, steps=steps), own(X, steps=steps))


@pytest.mark.parametrize("method", ["maximum", "bit-coded", "calibration-light"])
def test_a_profile_goes_with_every_network_made_of_another(method, converted):
    snn = copy.deepcopy(converted("reused_relu", METHODS[method]))
    snn.preprocess = Preprocess(size=8, mean=(0.5,), std=(0.5,))
    others = [snn.with_graph(snn.graph), snn.with_task(snn.task)]
    if isinstance(snn, CalibratedNetwork):
        others += [snn.at(snn.calibrated[0]), snn.for_steps(snn.calibrated[0])]
    assert all(one.profile == snn.profile for one in others)
    assert (snn.provenance, snn.task) == (snn.profile.provenance, snn.profile.task)
