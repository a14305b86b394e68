"""`--json` of evaluate with exits, of verify and of diagnose, and their tables."""

from __future__ import annotations

import json

import pytest
from json_answer import parsed

import isospike as iso
from isospike.intervals import shown_interval

DEMO = "isospike.demo.network:load_digits_net"


EXIT = {"rule", "options", "score", "interval", "agreement", "spikes", "mean_steps", "left_early"}
EXIT |= {"histogram", "seconds"}


@pytest.mark.parametrize("name", list(iso.exits.exits))
def test_exits(name, cli, files):
    data = ["--data", "digits", "--images", 100]
    assert cli("convert", "percentile", DEMO, *data, "--out", "net.snn").code == 0
    command = ["evaluate", "net.snn", *data, "--steps", "4,16", "--exit", name]
    chosen = parsed(cli(*command, "--choose-on", "digits", "--max-drop", 0.02, "--json"))
    exits, choice = chosen["exit"], chosen["chosen"]
    assert set(exits) == EXIT
    assert set(choice) == {"data", "images", "labelled", "threshold", "mean_steps", "score", "final", "front"}
    assert (choice["data"], choice["images"], choice["labelled"]) == ("digits", 100, True)
    assert choice["score"] >= choice["final"] - 0.02
    assert (exits["rule"], exits["options"]["threshold"]) == (name, choice["threshold"])
    assert list(exits["histogram"]) == [str(t) for t in range(1, 17)]
    assert sum(exits["histogram"].values()) == chosen["images"] == 100
    assert list(chosen["snn"]) == ["4", "16"]
    assert 1 < exits["mean_steps"] < 16
    given = parsed(cli(*command, "--threshold", repr(choice["threshold"]), "--json"))
    assert "chosen" not in given
    assert {**given["exit"], "seconds": 0} == {**exits, "seconds": 0}
    assert given["snn"] == chosen["snn"]
    table = cli(*command, "--choose-on", "digits", "--max-drop", 0.02).out
    for text in (name, "mean T", f"{exits['mean_steps']:.2f}", "left before T=16 %", "chosen on 100 images of digits"):
        assert text in table


VERIFIED = {
    "file",
    "model",
    "method",
    "kind",
    "dtype",
    "images",
    "steps",
    "exact",
    "equal",
    "sites",
    "codes_behind_islands",
    "flipped_codes",
    "output_error",
    "tolerance",
    "flip_tolerance",
}
VERIFIED |= {"task", "measures", "interval", "model_error", "agreement", "compared", "first_difference"}


@pytest.mark.parametrize("exact", ["--exact", "--no-exact"])
def test_verify(exact, cli, files):
    data = ["--data", "digits", "--images", 30]
    parsed(cli("convert", "bit-coded", "m.py:build", *data, exact, "--out", "net.snn", "--json"))
    found = parsed(cli("verify", "net.snn", "m.py:build", *data, "--json"))
    assert set(found) == VERIFIED
    assert (found["exact"], found["images"], found["steps"], found["first_difference"]) == (True, 30, 4, "")
    assert [site["site"] for site in found["sites"]] == ["2", "5"]
    for site in found["sites"]:
        assert set(site) == {"site", "codes", "wrong_codes", "wrong_spikes", "trained", "flipped_codes", "first"}
    evaluated = parsed(cli("evaluate", "net.snn", *data, "--json"))
    assert list(evaluated["snn"]) == ["4"]
    assert cli("evaluate", "net.snn", *data, "--steps", "2,4").code == 2


def test_verify_another_model(cli, files, golden):
    data = ["--data", "digits", "--images", 30]
    assert cli("convert", "pascal", "m.py:build", *data, "--exact", "--out", "net.snn").code == 0
    golden("verify-equal", cli("verify", "net.snn", "m.py:build", *data).out)
    (files / "m.py").write_text((files / "m.py").read_text().replace("manual_seed(0)", "manual_seed(1)"))
    other = cli("verify", "net.snn", "m.py:build", *data)
    assert (other.code, other.err) == (1, "")
    assert "equal: no; first difference: site '2': image 0, neuron [" in other.out
    result = cli("verify", "net.snn", "m.py:build", *data, "--json")
    assert (result.code, json.loads(result.out)["exact"]) == (1, False)


def test_verify_measures_streaming_networks(cli, stored):
    found = parsed(cli("verify", "net.snn", "m.py:build", "--data", "digits", "--images", 20, "--steps", 8, "--json"))
    assert set(found) == VERIFIED
    assert (found["exact"], found["steps"], found["kind"]) == (False, 8, "streaming")
    assert all(set(site) == {"site", "values", "error"} for site in found["sites"])
    table = cli("verify", "net.snn", "m.py:build", "--data", "digits", "--images", 20)
    assert table.code == 0
    assert "after 32 steps" in table.out


DIAGNOSED = {
    "file",
    "model",
    "method",
    "steps",
    "images",
    "metric",
    "task",
    "measure",
    "value",
    "interval",
    "ann",
    "sites",
    "worst",
    "faults",
    "verdict",
}
SITE = {"site", "clipping_error", "quantisation_error", "unevenness_error", "local_error", "accumulated_error"}
SITE |= {"rate", "silent_channels", "saturated_channels", "channels", "spectral_norm", "bound", "regained", "headroom"}
SITE |= {"model_bound"}


def test_diagnose(cli, stored):
    command = ["diagnose", "net.snn", "m.py:build", "--data", "digits", "--images", 20, "--steps", 4]
    found = parsed(cli(*command, "--json"))
    assert set(found) == DIAGNOSED
    assert (found["method"], found["steps"], found["images"], found["metric"]) == ("maximum", 4, 20, "score")
    assert [site["site"] for site in found["sites"]] == ["2", "5"]
    assert all(set(site) == SITE for site in found["sites"])
    assert all(set(site) == {"site", "reason", "advice"} for site in found["worst"])
    assert found["faults"] == []
    table = cli(*command)
    assert (table.code, table.err) == (0, "")
    assert found["verdict"] in table.out
    shares = (found["value"], found["ann"]["value"])
    own, ann = (f"{100 * share:.2f} % ({shown_interval(share, 20)})" for share in shares)
    assert f"top-1: the network {own}, the ANN {ann}" in table.out
    assert f"{found['sites'][1]['accumulated_error']:.3f}" in table.out


def test_diagnose_says_faults_first(cli, stored):
    snn = iso.load(stored)
    snn.graph.get_submodule("5").v_threshold.mul_(0.1)
    snn.save("broken.snn")
    command = ["diagnose", "broken.snn", "m.py:build", "--data", "digits", "--images", 20, "--steps", 8]
    (fault,) = parsed(cli(*command, "--json"))["faults"]
    assert set(fault) == {"name", "fault", "advice"}
    assert fault["name"] == "5"
    assert cli(*command).out.startswith("fault: the threshold of site 5 is too low")
