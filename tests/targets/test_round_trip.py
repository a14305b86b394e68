"""A network read back from its file is the same network, bit for bit, without the code it came from."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import isospike as iso
from blocks import leaves
from isospike.data import Preprocess
from isospike.errors import ArtefactError
from isospike.pooling import rules
from networks import ALL
from short_methods import CALIBRATED, METHODS, pairs


def assert_equal(a: iso.SNN, b: iso.SNN, x: torch.Tensor) -> None:
    assert a.times == b.times
    for steps in a.times.own or (6,):
        _assert_equal_runs(*(iso.simulate(snn, x, steps=steps) for snn in (a, b)))


def _assert_equal_runs(first: iso.Run, second: iso.Run) -> None:
    for y, z in zip(leaves((first.output, first.outputs)), leaves((second.output, second.outputs)), strict=True):
        assert torch.equal(y, z)
    structures = [torch.utils._pytree.tree_structure(run.output) for run in (first, second)]
    assert structures[0] == structures[1]
    for counts, others in ((first.spikes, second.spikes), (first.packets, second.packets)):
        assert list(counts) == list(others)
        assert all(torch.equal(counts[site], others[site]) for site in counts)


@pytest.mark.parametrize(("name", "method"), pairs(ALL, METHODS))
def test_outputs_and_spikes_are_bit_equal(name, method, converted, tmp_path):
    snn = converted(name, METHODS[method])
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")
    assert_equal(loaded, snn, ALL[name].inputs(3))
    assert loaded.provenance == snn.provenance
    assert (loaded.sites, loaded.islands) == (snn.sites, snn.islands)
    assert loaded.graph.ops == snn.graph.ops
    with torch.no_grad():
        for y, z in zip(leaves(loaded.ann()(ALL[name].inputs(2))), leaves(snn.ann()(ALL[name].inputs(2))), strict=True):
            assert torch.equal(y, z)


OTHER_NEURONS = [
    iso.methods.Buffered(largest=3, powers_of_two=False),
    iso.methods.Burst(largest=2),
    iso.methods.SpikeNorm(calibration_steps=4, reset="hard"),
    iso.methods.CalibrationLight(steps=(3, 6), refine_images=4, neuron="signed-memory"),
    iso.methods.FTBC(steps=(5,), neuron="burst"),
]


@pytest.mark.parametrize("method", OTHER_NEURONS, ids=repr)
def test_options_of_neurons_survive(method, converted, tmp_path):
    snn = converted("reused_relu", method)
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")
    assert_equal(loaded, snn, ALL["reused_relu"].inputs(3))
    assert [repr(loaded.graph.get_submodule(site)) for site in snn.sites] == [
        repr(snn.graph.get_submodule(site)) for site in snn.sites
    ]


@pytest.mark.parametrize("rule", list(rules))
def test_pooling_rules_survive(rule, converted, tmp_path):
    snn = converted("max_pools", iso.methods.Maximum(pooling=rule))
    snn.save(tmp_path / "net.snn")
    assert_equal(iso.load(tmp_path / "net.snn"), snn, ALL["max_pools"].inputs(3))


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16])
def test_number_formats_survive(kind, captured, tmp_path):
    snn = iso.convert(captured("module_relu"), METHODS["maximum"], data=[ALL["module_relu"].inputs(4)]).to(kind)
    snn.save(tmp_path / "net.snn")
    assert_equal(iso.load(tmp_path / "net.snn"), snn, ALL["module_relu"].inputs(2).to(kind))


def test_preprocessing_and_delay_survive(captured, tmp_path):
    data = [ALL["module_relu"].inputs(4)]
    snn = iso.convert(captured("module_relu"), iso.methods.LocalThresholdBalancing(iterations=2, delay=9), data=data)
    snn.preprocess = Preprocess(size=8, mean=(0.1, 0.2, 1 / 3), std=(1.0,), crop_ratio=0.9)
    snn.save(tmp_path / "net.snn")
    loaded = iso.load(tmp_path / "net.snn")
    assert loaded.preprocess == snn.preprocess
    assert loaded.readout.delay == 9


def test_saving_again_gives_the_same_file_and_replaces_it(converted, tmp_path):
    snn, path = converted("reused_relu", METHODS["percentile"]), tmp_path / "net.snn"
    snn.save(path)
    before = path.read_bytes()
    iso.load(path).save(path)
    assert iso.load(path).graph.ops == snn.graph.ops
    assert len(path.read_bytes()) == len(before)
    assert [child.name for child in tmp_path.iterdir()] == ["net.snn"]


@pytest.mark.parametrize("write", [pickle.dumps, lambda network: torch.save(network, io.BytesIO())])
def test_pickles_are_refused_and_point_to_the_file(write, captured, converted):
    for network in (captured("module_relu"), converted("module_relu", METHODS["maximum"])):
        with pytest.raises(ArtefactError, match=r"cannot be pickled; .*snn\.save.*isospike\.load"):
            write(network)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_copies_are_the_same_network(duplicate, converted):
    for method in ("local-threshold-balancing", *CALIBRATED):
        snn = converted("reused_relu", METHODS[method])
        assert_equal(duplicate(snn), snn, ALL["reused_relu"].inputs(3))


LOADER = """
import importlib.util, sys
import torch
import isospike as iso
assert importlib.util.find_spec("networks") is None
for name in sys.argv[1:]:
    expected = torch.load(name + ".pt", weights_only=True)
    run = iso.simulate(iso.load(name + ".snn"), expected["x"], steps=6)
    assert torch.equal(run.outputs, expected["outputs"]), name
    assert all(torch.equal(run.spikes[site], expected["spikes"][site]) for site in run.spikes), name
    print(name, sum(int(counts.sum()) for counts in run.spikes.values()))
"""


def test_loading_needs_nothing_of_the_models_code(converted, tmp_path: Path):
    names, spikes = ["reused_relu", "max_pools", "split", "scaled", "gated"], []
    for name in names:
        snn, x = converted(name, METHODS["maximum"]), ALL[name].inputs(2)
        snn.save(tmp_path / f"{name}.snn")
        run = iso.simulate(snn, x, steps=6)
        torch.save({"x": x, "outputs": run.outputs, "spikes": run.spikes}, tmp_path / f"{name}.pt")
        spikes.append(sum(int(counts.sum()) for counts in run.spikes.values()))
    command = [sys.executable, "-c", LOADER, *names]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(part) for pair in zip(names, spikes, strict=True) for part in pair]
