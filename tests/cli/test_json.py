"""`--json` of every command is one object with the documented keys, and says what the library says."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from json_answer import parsed

import isospike as iso
from isospike.cli import demo as demo_command
from isospike.cli.main import COMMANDS
from isospike.cli.render import describe_preprocess
from isospike.data import Preprocess
from isospike.methods import methods
from isospike.targets import exporters
from short_methods import METHODS

DEMO = "isospike.demo.network:load_digits_net"


def test_methods(cli):
    found = parsed(cli("methods", "--json"))["methods"]
    assert list(found) == list(methods)
    for name, entry in found.items():
        assert set(entry) == {"summary", "needs", "papers", "options", "schema"}
        assert list(entry["schema"]["properties"]) == [option["name"] for option in entry["options"]]
        assert entry["papers"] == list(methods[name].papers)
        for option in entry["options"]:
            assert set(option) == {"name", "type", "range", "default", "help"}
            default = getattr(methods[name](), option["name"])
            assert option["default"] == (list(default) if isinstance(default, tuple) else default)
    one = parsed(cli("methods", "percentile", "--json"))["methods"]
    assert one == {"percentile": found["percentile"]}


def test_doctor(cli):
    found = parsed(cli("doctor", "--json"))
    assert set(found) == {"versions", "devices", "threads", "executors", "native_engine", "methods", "missing"}
    assert found["versions"]["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert found["versions"]["isospike"] == iso.__version__
    assert found["methods"] == list(methods)
    assert cli("doctor").code == 0


def test_inspect(cli, files):
    found = parsed(cli("inspect", "m.py:build", "--shape", "1,8,8", "--json"))
    assert set(found) == {
        "model",
        "weights",
        "input",
        "converts",
        "counts",
        "ops",
        "sites",
        "driven",
        "tables",
        "exact_sites",
    }
    assert (found["model"], found["input"], found["converts"]) == ("m.py:build", [1, 8, 8], True)
    assert [op["name"] for op in found["ops"] if op["role"] == "activation"] == ["2", "5"]
    assert sum(found["counts"].values()) == len(found["ops"])
    assert (found["sites"], found["driven"]) == ("rectifiers", {"rectifiers": 1.0, "products": 1.0})
    assert found["tables"] == {}
    gated = parsed(cli("inspect", "m.py:gated", "--shape", "1,8,8", "--json"))
    assert not gated["converts"]
    assert gated["counts"]["analogue"] == 1


def test_inspect_as_a_table(cli, files):
    result = cli("inspect", "m.py:gated", "--shape", "1,8,8")
    assert (result.code, result.err) == (0, "")
    assert "1 analogue" in result.out
    assert "--analogue allow" in result.out
    whole = cli("inspect", "m.py:build", "--shape", "1,8,8").out
    assert "converts: every activation becomes spiking" in whole
    assert "weights: as the factory made them" in whole


def options_of(method: iso.methods.Method) -> dict:
    """The options in which a method differs from its defaults."""
    return {
        field.name: getattr(method, field.name)
        for field in dataclasses.fields(method)
        if getattr(method, field.name) != field.default
    }


def flag(name: str, value: object) -> list[str]:
    return [f"--{name.replace('_', '-')}", ",".join(map(str, value)) if isinstance(value, tuple) else str(value)]


def default_answers(snn: iso.SNN) -> list[str]:
    return ["4", "12"] if snn.times.steps is None else [str(snn.times.steps)]


@pytest.mark.parametrize("method", METHODS)
def test_convert_and_evaluate(method, cli, files):
    short = [part for name, value in options_of(METHODS[method]).items() for part in flag(name, value)]
    data = ["--data", "digits", "--batch-size", "20"]
    made = parsed(cli("convert", method, "m.py:build", *data, "--images", 60, *short, "--out", "net.snn", "--json"))
    documented = {"file", "method", "options", "sites", "islands", "calibration", "preprocess", "seconds"}
    documented |= {"kind", "steps", "calibrated", "silent", "readout", "task", "placed", "driven", "tables", "part"}
    documented |= {"exact_sites"}
    assert set(made) == documented
    assert (made["file"], made["method"]) == ("net.snn", method)
    assert made["sites"] == ["2", "5"]
    assert made["calibration"] == {"data": "digits", "images": 60}
    assert made["preprocess"]["scale"] == 1 / 16
    snn = iso.load(files / "net.snn")
    assert made["options"] == snn.provenance.options
    assert list(snn.sites) == made["sites"]
    assert (made["placed"], made["driven"]) == (snn.provenance.sites, snn.provenance.driven)
    assert made["tables"] == snn.provenance.tables == {}
    assert snn.times.readout.delay == made["readout"]["delay"]
    assert (made["kind"], made["steps"]) == (snn.kind.value, snn.times.steps)
    assert (made["calibrated"], made["silent"]) == (list(snn.times.calibrated), snn.provenance.silent)
    answers = default_answers(snn)
    at = ["--steps", "12,4"] if snn.times.steps is None else []
    found = parsed(cli("evaluate", "net.snn", *data, "--images", 40, *at, "--json"))
    evaluated = {"task", "measures", "ann", "snn", "images", "seconds", "file", "method", "options", "data"}
    assert set(found) == evaluated | {"preprocess"}
    assert set(found["ann"]) == {"score"}
    assert found["images"] == 40
    assert list(found["snn"]) == answers
    for values in found["snn"].values():
        assert set(values) == {"score", "interval", "agreement", "spikes"}
        assert 0 <= values["score"] <= 1
        assert 40 * values["score"] == round(40 * values["score"])
    spikes = [values["spikes"] for values in found["snn"].values()]
    assert spikes == sorted(spikes)
    assert spikes[-1] > 0


def test_convert_repeats_and_the_seed_chooses_the_images(cli, files):
    command = ["convert", "maximum", "m.py:build", "--data", "digits", "--images", "5", "--json"]
    thresholds = []
    for seed, out in ((3, "a.snn"), (3, "b.snn"), (4, "c.snn")):
        parsed(cli(*command, "--seed", seed, "--out", out))
        thresholds.append(iso.load(files / out).graph.get_submodule("2").v_threshold)
    assert torch.equal(thresholds[0], thresholds[1])
    assert not torch.equal(thresholds[0], thresholds[2])


def test_a_generator_function_is_called_for_every_pass(cli, files):
    thresholds = []
    for data in ("d.py:generated", "d.py:listed"):
        short = ["--iterations", "5", "--out", "net.snn", "--json"]
        parsed(cli("convert", "local-threshold-balancing", "m.py:build", "--data", data, *short))
        thresholds.append(iso.load(files / "net.snn").graph.get_submodule("2").v_threshold)
    assert torch.equal(*thresholds)
    found = parsed(cli("evaluate", "net.snn", "--data", "d.py:generated", "--steps", "4", "--json"))
    assert found["images"] == 8


@pytest.mark.parametrize(
    ("scale", "text"), [(1 / 255, "1/255"), (1.0, "1"), (0.3, "0.3"), (2.0, "2"), (1e-9, "1/1000000000")]
)
def test_the_pixel_scale_is_printed(scale, text):
    line = describe_preprocess(Preprocess(size=8, mean=(0.5,), std=(0.25,), scale=scale))
    assert line == f"size 8 px, pixels x {text}, mean 0.5, std 0.25"


def test_islands_are_reported(cli, files):
    arguments = ["--data", "digits", "--images", 20, "--analogue", "allow", "--out", "net.snn", "--json"]
    assert parsed(cli("convert", "maximum", "m.py:gated", *arguments))["islands"] == ["4"]


def test_the_demo_network_round_trip(cli, files):
    result = cli("convert", "maximum", DEMO, "--data", "digits", "--images", 200, "--out", "net.snn")
    assert (result.code, result.err) == (0, "")
    assert "net.snn: maximum, 5 neuron layers" in result.out
    assert "input: size as stored, pixels x 1/16, mean 0, std 1\n" in result.out
    found = parsed(cli("evaluate", "net.snn", "--data", "digits", "--images", 100, "--steps", "4,32", "--json"))
    snn, data = (
        iso.load(files / "net.snn"),
        iso.data.open_data("digits", "test", preprocess=None, images=100, shuffle=False),
    )
    evaluation = iso.evaluate(snn, data, steps=[4, 32])
    assert found["ann"]["score"] == evaluation.ann > 0.95
    assert {t: values["score"] for t, values in found["snn"].items()} == {
        str(t): v for t, v in evaluation.metric.items()
    }
    assert found["snn"]["32"]["agreement"] > 0.9
    table = cli("evaluate", "net.snn", "--data", "digits", "--images", 100, "--steps", "4,32").out
    assert "T=32" in table
    assert f"{100 * evaluation.metric[32]:.2f}" in table


def test_executors_and_memory_give_the_same_measures(cli, stored):
    command = ["evaluate", "net.snn", "--data", "digits", "--images", "30", "--steps", "2,6", "--json"]
    found = [parsed(cli(*command, *more)) for more in ([], ["--executor", "step"], ["--memory", "1"])]
    assert found[0]["snn"] == found[1]["snn"] == found[2]["snn"]


def test_demo(cli, monkeypatch, tmp_path):
    shown = {name: method for name, method in METHODS.items() if not type(method).needs_training}
    short = {name: options_of(method) for name, method in shown.items()}
    for given in short.values():
        given.pop("steps", None)  # compare chooses them
    monkeypatch.setattr(demo_command, "SHORTER", short)
    monkeypatch.setattr(demo_command, "STEPS", (2, 8))
    page = tmp_path / "demo.html"
    found = parsed(cli("demo", "--out", page, "--json"))
    assert found["failed"] == []
    assert list(dict.fromkeys(cell["label"] for cell in found["cells"])) == list(shown)
    assert {(cell["label"], cell["steps"]) for cell in found["cells"]} >= {(name, 8) for name in shown}
    assert found["ann"]["score"] >= 0.985
    assert found["images"] == 500
    assert found["report"] == str(page)
    text = page.read_text()
    assert all(f">{name}<" in text for name in shown)


@pytest.mark.parametrize("name", exporters)
def test_export(name, cli, stored):
    out = stored.with_name("other").with_suffix(exporters[name].suffix)
    found = parsed(cli("export", name, "net.snn", "--out", out, "--json"))
    assert found == {"file": str(out), "bytes": out.stat().st_size, "format": name, "network": "net.snn"}


def test_every_command_is_covered_here():
    assert set(COMMANDS) == {
        *("demo", "inspect", "convert", "train", "evaluate", "account", "verify", "diagnose", "compare", "auto"),
        *("report", "export", "methods", "doctor"),
    }
