"""One of each, added from outside the package: it converts, runs, saves, loads, accounts and compares."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import isospike as iso
from isospike import scales
from isospike.citations import cite
from isospike.cli.main import run
from isospike.costs import energy_models, load_energy_model
from isospike.data import open_data
from isospike.data.images import Images, Split, sources
from isospike.data.preprocess import Preprocess
from isospike.demo import load_digits_net
from isospike.errors import OptionError, OutputError, SimulationError, UnknownNameError
from isospike.graphs.graph import Graph
from isospike.graphs.op import Op
from isospike.methods import methods, register
from isospike.methods.calibrated import CalibratedMethod
from isospike.methods.parts import Parts
from isospike.methods.streaming import StreamingMethod
from isospike.neurons import Tracker, streaming
from isospike.options import Range, options_of
from isospike.refine.refinement import Calibration, Refinement
from isospike.scales.rule import Observer, ScaleRule, rules
from isospike.targets import Exporter, register_exporter


@dataclass(frozen=True, kw_only=True)
class Halved(StreamingMethod):
    """Thresholds at a part of the largest activation."""

    papers: ClassVar[tuple[str, ...]] = ("diehl2015fast",)

    part: Annotated[float, Range(0.1, 1)] = 0.5
    """Part of the largest activation."""

    def parts(self) -> Parts:
        return self._streaming(PartOfMaximum(self.granularity, self.part))


@dataclass(frozen=True)
class PartOfMaximum(ScaleRule):
    """``theta = part max(relu(z))``."""

    part: Annotated[float, Range(0.1, 1)] = 0.5
    """Part of the maximum."""

    def observer(self, op: Op, activation: nn.Module) -> Observer:
        whole = scales.MaximumRule(self.granularity).observer(op, activation)
        return _Part(op, activation, whole, self.part)


class _Part(Observer):
    def __init__(self, op: Op, activation: nn.Module, whole: Observer, part: float) -> None:
        super().__init__(op, activation, "layer")
        self.whole, self.part = whole, part

    def observe(self, z: Tensor) -> Tensor:
        return self.whole.observe(z)

    def scale(self) -> Tensor:
        return self.whole.scale() * self.part


class TwoAtMost(Tracker):
    """Sends up to two spikes a step."""

    largest = 2


@dataclass(frozen=True, kw_only=True)
class WithTwoAtMost(StreamingMethod):
    """The neurons by name."""

    def parts(self) -> Parts:
        return self._streaming(scales.MaximumRule(self.granularity), "two-at-most")


@dataclass(frozen=True)
class LowerThresholds(Refinement):
    """``theta <- (1 - less) theta`` at every site."""

    less: Annotated[float, Range(0, below=1)] = 0.1
    """How much lower."""

    def refine(self, ann: Graph, spiking: Graph, calibration: Calibration) -> Graph:
        tensors = {f"{site}.v_threshold": spiking.get_submodule(site).v_threshold for site in spiking.sites}
        return spiking.with_tensors({name: theta * (1 - self.less) for name, theta in tensors.items()})


@dataclass(frozen=True, kw_only=True)
class Lowered(CalibratedMethod):
    """Thresholds that a refinement lowers."""

    steps: tuple[int, ...] = (4,)

    def refinements(self) -> tuple[Refinement, ...]:
        return (LowerThresholds(0.25),)


def test_a_method(journey):
    register(Halved)
    snn = journey(methods["halved"](part=0.25))
    assert snn.provenance.method == "halved"
    assert "diehl2015fast" in cite(snn)
    assert [option.form.range for option in options_of(Halved) if option.name == "part"] == ["from 0.1 to 1"]
    with pytest.raises(OptionError, match=r"^halved: part must be a number from 0.1 to 1, got 2$"):
        Halved(part=2)


def test_a_scale_rule(journey):
    rules.register("part-of-maximum", PartOfMaximum)
    lowered = journey(iso.methods.OPI(scale="part-of-maximum", granularity="layer"))
    whole = journey(iso.methods.OPI(scale="maximum", granularity="layer"))
    for site in whole.sites:
        mine, theirs = (snn.neuron(site).v_threshold for snn in (lowered, whole))
        assert torch.equal(mine, 0.5 * theirs)


def test_a_neuron(journey):
    streaming.register("two-at-most", TwoAtMost)
    snn = journey(WithTwoAtMost())
    assert {type(snn.neuron(site)) for site in snn.sites} == {TwoAtMost}


def test_a_refinement(journey):
    register(Lowered)
    lowered, plain = journey(Lowered()), journey(iso.methods.Opt(steps=(4,), scale="mmse"))
    for site in plain.sites:
        mine, theirs = (snn.at(4).neuron(site).v_threshold for snn in (lowered, plain))
        assert torch.equal(mine, theirs * 0.75)


def test_a_data_source():
    def noise(argument: str, split: Split) -> Images:
        generator = np.random.default_rng(split == "test")
        images = generator.integers(0, 256, (int(argument), 8, 8, 1), dtype=np.uint8)
        return Images(f"noise:{argument}", images, np.arange(int(argument)) % 10, Preprocess(None, (0.5,), (0.5,)))

    sources.register("noise", noise)
    calibration, test = (
        open_data("noise:40", part, preprocess=None, shuffle=False) for part in ("calibration", "test")
    )
    found = iso.compare(load_digits_net(), calibration, test, methods=["maximum"], steps=[4])
    assert (found.images, found.calibration_images) == (40, 40)


def test_an_energy_model(journey, tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"\nsource = "measured"\nmac_pj = 2.0\nac_pj = 0.5\nbits = 8\n')
    energy_models.register("mine", load_energy_model(path))
    journey(iso.methods.Maximum(), energy_model="mine")


@dataclass(frozen=True, kw_only=True)
class ThresholdList(Exporter):
    """The thresholds of all sites, as JSON."""

    suffix = ".json"

    digits: Annotated[int, Range(1, 17)] = 17
    """Digits of every number."""

    def write(self, snn: iso.SNN, path: Path) -> None:
        rounded = {
            site: [float(f"{theta:.{self.digits}g}") for theta in snn.neuron(site).v_threshold.flatten().tolist()]
            for site in snn.sites
        }
        path.write_text(json.dumps(rounded))


def test_an_exporter(journey, tmp_path, monkeypatch, capsys):
    register_exporter("thresholds")(ThresholdList)
    snn = journey(iso.methods.Maximum())
    iso.export(snn, tmp_path / "net.json", "thresholds")
    written = json.loads((tmp_path / "net.json").read_text())
    assert written == {site: snn.neuron(site).v_threshold.flatten().tolist() for site in snn.sites}
    monkeypatch.chdir(tmp_path)
    assert run(["export", "--help"]) == 0
    assert "  thresholds  The thresholds of all sites, as JSON." in capsys.readouterr().out
    assert run(["export", "thresholds", "net.snn", "--digits", "3", "--out", "short.json"]) == 0
    rounded = json.loads((tmp_path / "short.json").read_text())
    assert rounded == {site: [float(f"{value:.3g}") for value in values] for site, values in written.items()}
    iso.export(snn, "again.json", ThresholdList(digits=3))
    assert (tmp_path / "again.json").read_text() == (tmp_path / "short.json").read_text()
    with pytest.raises(OutputError, match=r"^net\.txt does not end in \.json, as files of this format do; give"):
        iso.export(snn, "net.txt", "thresholds")


def test_the_format_of_a_network_is_what_save_writes(journey, tmp_path):
    snn = journey(iso.methods.Maximum())
    iso.export(snn, tmp_path / "other.snn", "snn")
    assert (tmp_path / "other.snn").read_bytes() == (tmp_path / "net.snn").read_bytes()
    with pytest.raises(UnknownNameError, match="unknown format 'nirr'"):
        iso.export(snn, tmp_path / "net.nir", "nirr")
    with pytest.raises(SimulationError, match="the network is a Linear; export takes"):
        iso.export(nn.Linear(1, 1), tmp_path / "net.snn", "snn")
