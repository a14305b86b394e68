"""Sequences of events mean the same to every stage: time first, or as ``layout`` says; and so in the command line."""

from __future__ import annotations

import json

import pytest
import torch

import isospike as iso
from isospike.cli.main import run
from isospike.errors import DataError, OptionError, SimulationError, UnknownNameError
from networks import NETWORKS
from short_methods import METHODS

STEPS = 5
X, OTHERS = NETWORKS["module_relu"].inputs(12).split(6)
Y = torch.tensor([0, 1, 2, 3, 4, 0])


def sequences(x: torch.Tensor, *, rest: float = 100.0) -> torch.Tensor:
    """Five different steps of every sample, then three that are nothing like them."""
    return torch.cat([torch.stack([x * (step % 3) for step in range(STEPS)]), rest * x.expand(3, *x.shape)])


def both(x: torch.Tensor) -> dict[str | None, torch.Tensor]:
    """What is meant without a layout and with each."""
    return {None: x, "time-first": x, "batch-first": x.transpose(0, 1)}


@pytest.mark.parametrize("layout", [None, "time-first", "batch-first"])
def test_a_comparison_judges_the_first_steps_by_the_ann_of_their_mean(layout, captured):
    graph, calibration, test = captured("module_relu"), both(sequences(OTHERS))[layout], both(sequences(X))[layout]
    start = sequences(X)[:STEPS]
    with torch.no_grad():
        seen = graph(start.mean(0)).argmax(1)
        whole = graph(sequences(X).mean(0)).argmax(1)
    assert not torch.equal(seen, whole)  # so that it matters which of the two the ANN sees
    method = METHODS["maximum"]
    how = {"methods": {"mine": method}, "steps": [2, STEPS], "layout": layout}
    found = iso.compare(graph, [calibration], [(test, seen)], **how)
    assert found.ann_score == 1.0
    snn = iso.convert(graph, method, data=[sequences(OTHERS)])
    expected = iso.evaluate(snn, [(start, seen)], steps=[2, STEPS])
    for cell in found.cells:
        assert (cell.score, cell.agreement) == (expected.metric[cell.steps], expected.agreement[cell.steps])
        assert cell.spikes == expected.spikes[cell.steps]
    assert found.cells[1].synops == iso.account(snn, [start], steps=STEPS)[STEPS].total().synops


@pytest.mark.parametrize("layout", ["time-first", "batch-first"])
def test_a_choice_is_made_on_sequences(layout):
    model = NETWORKS["module_relu"].build()
    sets = [both(sequences(x))[layout] for x in (OTHERS, X, X.flip(2))]
    how = {"methods": ["maximum"], "steps": [STEPS], "max_drop": 100, "layout": layout}
    choice = iso.auto(model, sets[0], [sets[1]], report=[sets[2]], **how)
    assert choice.images == {"calibration": 6, "selection": 6, "report": 6}
    found = iso.evaluate(choice.snn, [sequences(X)[:STEPS]], steps=STEPS)
    assert choice.cell.agreement == found.agreement[STEPS]


def test_sequences_that_calibrate_and_test_are_the_same_however_long_they_are(captured):
    longer = torch.cat([sequences(X), sequences(X)])
    with pytest.raises(DataError, match="6 of 6 images are in the calibration and in the test images"):
        iso.compare(captured("module_relu"), [longer], [sequences(X)], methods=["maximum"], steps=[STEPS])


@pytest.mark.parametrize("layout", [None, "time-first", "batch-first"])
def test_a_certificate_of_sequences_is_that_of_what_is_run(layout, captured, converted):
    graph, data = captured("module_relu"), both(sequences(X))[layout]
    snn = converted("module_relu", METHODS["maximum"])
    found = iso.verify(graph, snn, [data], steps=STEPS, layout=layout)
    assert found == iso.verify(graph, snn, [sequences(X)[:STEPS]], steps=STEPS)
    with torch.no_grad():
        error = snn(sequences(X), steps=STEPS) - graph(sequences(X)[:STEPS].mean(0))
        size = graph(sequences(X)[:STEPS].mean(0)).abs().max()
    assert found.model_error == pytest.approx(float(error.abs().max() / size), rel=1e-9)  # sums in another order
    emitting = converted("module_relu", METHODS["bit-coded"])
    assert iso.verify(graph, emitting, [data], layout=layout) == iso.verify(graph, emitting, [sequences(X).mean(0)])


@pytest.mark.parametrize("layout", ["time-first", "batch-first"])
def test_bounds_of_a_quantised_network_are_found_on_the_mean(layout):
    model, activation = NETWORKS["module_relu"].build(), iso.activations.QCFS(levels=4)
    found = iso.quantise(model, activation, data=[both(sequences(X))[layout]], layout=layout)
    expected = iso.quantise(model, activation, data=[sequences(X).mean(0)])
    assert found.state_dict().keys() == expected.state_dict().keys()
    assert all(torch.equal(value, expected.state_dict()[name]) for name, value in found.state_dict().items())
    graph = iso.quantise(iso.capture(model, X), activation, data=[sequences(X)])  # whose rank says it
    assert torch.equal(graph(X), expected(X))


def test_an_executor_by_name_runs_what_it_can(captured, converted):
    graph = captured("module_relu")
    for executor in ("layer", "step", "collapsed", "stepped"):
        found = iso.compare(graph, [OTHERS], [X], methods=["maximum", "radix"], steps=[4], executor=executor)
        assert [cell.label for cell in found.cells] == ["maximum", "radix"], found.failed
    with pytest.raises(UnknownNameError, match="executor 'layr'"):
        iso.compare(graph, [OTHERS], [X], methods=["maximum"], executor="layr")
    streaming, emitting = (converted("module_relu", METHODS[name]) for name in ("maximum", "bit-coded"))
    one, other = (iso.verify(graph, streaming, [X], steps=4, executor=executor) for executor in ("layer", "step"))
    assert [site.error for site in one.sites] == pytest.approx([site.error for site in other.sites], rel=1e-9)
    assert all(iso.verify(graph, emitting, [X], executor=name).exact for name in ("collapsed", "stepped"))
    with pytest.raises(SimulationError, match=r"^executor 'layer' runs streaming networks"):
        iso.verify(graph, emitting, [X], executor="layer")


@pytest.mark.parametrize(
    "call",
    [
        lambda graph, snn: iso.compare(graph, [X], [X], methods=["maximum"], layout="TBCHW"),
        lambda graph, snn: iso.auto(graph, [X], [X], methods=["maximum"], layout="TBCHW"),
        lambda graph, snn: iso.verify(graph, snn, [X], steps=2, layout="TBCHW"),
        lambda graph, snn: iso.quantise(graph, iso.activations.QCFS(), data=[X], layout="TBCHW"),
    ],
    ids=["compare", "auto", "verify", "quantise"],
)
def test_another_layout_is_refused(call, captured, converted):
    with pytest.raises(OptionError, match=r"^layout must be 'time-first'"):
        call(captured("module_relu"), converted("module_relu", METHODS["maximum"]))


FILES = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))

def events(seed):
    x = torch.rand(7, 6, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    return [(x, torch.arange(6)), (x[:, :3] / 2, torch.arange(3))]

def calibration(): return events(0)
def test(): return events(1)
def swapped(): return [(x.transpose(0, 1), y) for x, y in events(1)]
"""


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """Runs a command in a folder with `FILES`, and gives its JSON."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.py").write_text(FILES)

    def call(*arguments: object) -> dict:
        capsys.readouterr()
        code = run([*map(str, arguments), "--json"])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out)

    return call


def figures(found: dict) -> dict:
    """Without what is timed or named."""
    return {key: value for key, value in found.items() if key not in ("seconds", "data", "command", "file", "shared")}


def test_commands_take_both_layouts(command):
    command(
        "convert", "maximum", "m.py:build", "--data", "m.py:calibration", "--layout", "time-first", "--out", "n.snn"
    )
    for verb, model in (("evaluate", ()), ("account", ()), ("diagnose", ("m.py:build",)), ("verify", ("m.py:build",))):
        one = command(verb, "n.snn", *model, "--data", "m.py:test", "--steps", 4)
        other = command(verb, "n.snn", *model, "--data", "m.py:swapped", "--layout", "batch-first", "--steps", 4)
        assert figures(one) == figures(other)
        assert one["images"] == 9


def test_a_comparison_and_a_choice_of_sequences(command):
    given = ["--data", "m.py:calibration", "--layout", "time-first", "--steps", "4", "--methods", "maximum"]
    found = command(
        "compare", "m.py:build", *given, "--test-data", "m.py:test", "--out", "c.html", "--executor", "step"
    )
    assert (found["images"], found["calibration_images"], len(found["cells"])) == (9, 9, 1)
    chosen = command("auto", "m.py:build", *given, "--test-data", "m.py:test", "--max-drop", 100, "--out", "a.snn")
    assert chosen["images"] == {"calibration": 9, "selection": 5, "report": 4}
