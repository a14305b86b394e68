"""A neuron of a user's own, registered from outside the package, does all that one of the package does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

import isospike as iso
from isospike import scales
from isospike.errors import ArtefactError
from isospike.kernels import count, each_step
from isospike.methods.parts import AccumulateThenEmit, Parts, Policy, Streaming
from isospike.methods.schedule import Schedule
from isospike.neurons import (
    Emission,
    Emitter,
    IntegrateAndFire,
    Probing,
    StreamingNeuron,
    emitting,
    probings,
    streaming,
)
from isospike.neurons.codes import Unary
from isospike.neurons.streaming_neuron import stacked
from networks import ALL

NAME = "reused_relu"


class Forgetful(StreamingNeuron):
    """``v <- keep (v + z_t)``, then as an integrate-and-fire neuron."""

    own_options: ClassVar = {"keep": float}

    def __init__(self, v_threshold, v_init, activation=None, *, bias=None, keep=0.875):
        super().__init__(v_threshold, v_init, activation, bias=bias)
        self.keep = keep

    def advance(self, x, memory, *, overwrite):
        out, counts, v = torch.empty_like(x), [], memory["v"]
        for current, spikes in zip(each_step(x, self.biases(memory, len(x))), out.unbind(), strict=True):
            v.add_(current).mul_(self.keep)
            spikes.copy_(v >= self.v_threshold)
            counts.append(count(spikes, 1))
            spikes.mul_(self.v_threshold)
            v.sub_(spikes)
        return out, stacked(counts)


class Thermometer(Emitter):
    """Adds everything up, then as many spikes as levels."""

    code = Unary()
    own_options: ClassVar = {"label": str}

    def __init__(self, unit, levels, *, activation=None, v_init=None, amplitude=None, label="plain"):
        super().__init__(unit, levels, activation=activation, v_init=v_init, amplitude=amplitude)
        self.label = label

    def emit(self, currents):
        return Emission(self.code.encode(self.codes(currents.total()).long(), self.steps), inhibitory=None)


class SilentStart(Probing):
    """Says nothing while it probes, and learns nothing from it."""

    whole_train = True

    def start(self, x):
        return {}

    def advance(self, x, memory, *, overwrite):
        silent = x.clone()
        silent[: self.probe_steps] = -1
        return self.neuron.advance(silent, self.neuron.start(x[0]), overwrite=True)


@dataclass(frozen=True)
class Probed(Streaming):
    """Streaming neurons that probe."""

    def neuron(self, bound, activation):
        inner = super().neuron(bound, activation)
        assert isinstance(inner, IntegrateAndFire)
        return SilentStart(inner, 2)


@pytest.fixture
def registries(monkeypatch):
    """Those of the package, as they were afterwards."""
    for registry in (streaming, emitting, probings):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))


@pytest.fixture
def registered(registries):
    streaming.register("forgetful", Forgetful)
    emitting.register("thermometer", Thermometer)
    probings.register("silent-start", SilentStart)


POLICIES: dict[str, Policy] = {
    "streaming": Streaming(kind=Forgetful),
    "emitting": AccumulateThenEmit(kind=Thermometer, levels=3, default=3),
    "probing": Probed(),
}


def converted(kind: str) -> iso.SNN:
    class Own(iso.methods.Method):
        """Neurons from outside."""

        def parts(self):
            schedule = Schedule(probe=2 if kind == "probing" else 0)
            return Parts(scales.MaximumRule("channel"), POLICIES[kind], schedule=schedule)

    return iso.convert(ALL[NAME].build(), Own(), data=[ALL[NAME].inputs(8)])


@pytest.mark.parametrize("kind", POLICIES)
def test_runs_saves_loads_and_accounts(kind, registered, tmp_path):
    snn, x = converted(kind), ALL[NAME].inputs(4)
    steps = snn.settled_steps(None) or 8
    answer = snn(x, steps=steps)
    assert answer.abs().max() > 0
    assert isinstance(snn.neuron(snn.sites[0]), Forgetful | Thermometer | SilentStart)
    for executor in iso.executors.executors_of(snn.kind):
        if kind != "probing" or executor == "layer":
            run = iso.simulate(snn, x, steps=steps, executor=executor)
            torch.testing.assert_close(run.output, answer)
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")
    assert torch.equal(loaded(x, steps=steps), answer)
    assert type(loaded.neuron(snn.sites[0])) is type(snn.neuron(snn.sites[0]))
    costs = iso.account(snn, [x], steps=steps)[steps]
    assert sum(sum(counts) for counts in costs.spike_sums.values()) > 0
    found = iso.diagnose(ALL[NAME].build(), snn, [x], steps=steps)
    assert [site.site for site in found.sites] == list(snn.sites)
    iso.verify(ALL[NAME].build(), snn, [x], steps=steps)


def test_own_options_are_kept(registered, tmp_path):
    snn = converted("streaming")
    for site in snn.sites:
        snn.neuron(site).keep = 0.5
    snn.save(tmp_path / "net.snn")
    assert iso.load(tmp_path / "net.snn").neuron(snn.sites[-1]).keep == 0.5


@pytest.mark.parametrize("kind", POLICIES)
def test_unregistered_neurons_are_refused_when_saved(kind, tmp_path):
    with pytest.raises(ArtefactError, match="its class is not registered; call isospike") as caught:
        converted(kind).save(tmp_path / "net.snn")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "net.snn").exists()


def test_a_file_of_a_neuron_that_nobody_registered(registries, tmp_path):
    streaming.register("forgetful", Forgetful)
    converted("streaming").save(tmp_path / "net.snn")
    del streaming._entries["forgetful"]
    with pytest.raises(ArtefactError, match="unknown kind 'Forgetful'"):
        iso.load(tmp_path / "net.snn")


def test_two_neurons_of_one_class_name(registered, tmp_path):
    snn = converted("streaming")
    streaming.register("another", type("Forgetful", (IntegrateAndFire,), {}))
    with pytest.raises(ArtefactError, match="two registered neurons have the name Forgetful"):
        snn.save(tmp_path / "net.snn")
