"""A compiled network runs as the network does, and refuses once the network is another one."""

from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch

import isospike as iso
from isospike.errors import SimulationError, UnknownNameError
from isospike.executors import executors_of
from isospike.ops import Role
from networks import ALL
from short_methods import METHODS, TYPICAL

NAME = "reused_relu"
X = ALL[NAME].inputs(3)


@pytest.mark.parametrize("method", TYPICAL)
def test_runs_as_the_network(method, converted):
    snn = converted(NAME, METHODS[method])
    steps = (snn.times.own or (6,))[-1]
    for executor in (None, *executors_of(snn.kind)):
        compiled = iso.compile(snn, executor)
        for x in (X, X[:2], X):
            wanted = iso.simulate(snn, x, steps=steps, executor=executor)
            found = compiled.run(x, steps=steps)
            assert torch.equal(found.output, wanted.output)
            assert all(torch.equal(found.spikes[site], wanted.spikes[site]) for site in snn.sites)
            assert torch.equal(compiled(x, steps=steps), wanted.output)


def _replace_weight(snn: iso.SNN) -> None:
    module = next(module for module in snn.graph.modules() if hasattr(module, "weight"))
    module.weight = torch.nn.Parameter(module.weight.detach().clone())


def _rewire(snn: iso.SNN) -> None:
    node = snn.graph.output_node
    node.args = (snn.graph.nodes_with(Role.ACTIVATION)[-1],)


CHANGES: dict[str, Callable[[iso.SNN], object]] = {
    "a weight in place": lambda snn: next(snn.parameters()).mul_(2),
    "a weight": _replace_weight,
    "a buffer": lambda snn: next(snn.graph.buffers()).add_(1),
    "the type": lambda snn: snn.float(),
    "the graph": lambda snn: setattr(snn, "graph", copy.deepcopy(snn.graph)),
    "an edge": _rewire,
    "a module": lambda snn: snn.graph.set_submodule(snn.sites[0], copy.deepcopy(snn.neuron(snn.sites[0]))),
}


@torch.no_grad()
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("method", ["maximum", "bit-coded", "calibration-light"])
def test_a_changed_network_is_refused(method, change, converted):
    snn = copy.deepcopy(converted(NAME, METHODS[method]))
    steps = (snn.times.own or (6,))[-1]
    compiled = iso.compile(snn)
    compiled(X, steps=steps)
    CHANGES[change](snn)
    with pytest.raises(SimulationError, match="changed after it was compiled; compile it again") as caught:
        compiled(X, steps=steps)
    assert "\n" not in str(caught.value)


def test_the_read_out_is_part_of_it(converted):
    snn = copy.deepcopy(converted(NAME, METHODS["maximum"]))
    compiled = iso.compile(snn)
    snn.readout = iso.network.ReadOut(delay=2)
    with pytest.raises(SimulationError, match="compile it again"):
        compiled(X, steps=6)


def test_what_cannot_be_compiled(converted):
    snn = converted(NAME, METHODS["maximum"])
    with pytest.raises(SimulationError, match="runs accumulate-then-emit networks, this one is streaming; use layer"):
        iso.compile(snn, "collapsed")
    with pytest.raises(UnknownNameError, match="did you mean"):
        iso.compile(snn, "layr")
    with pytest.raises(SimulationError, match=r"isospike\.convert"):
        iso.compile(snn.graph)
