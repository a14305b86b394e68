"""``isospike account``: what it prints is what the library counts; a wrong energy model is one line."""

from __future__ import annotations

import json

import pytest

import isospike as iso
from isospike.costs import energy_models

DATA = ["--data", "digits", "--images", "20"]
FIGURES = {"spikes", "packets", "synops", "synops_by_rate", "macs", "neuron_updates", "weight_bytes", "membrane_bytes"}
MINE = 'name = "mine"\nsource = "measured at the wall"\nbits = 8\nmac_pj = 2.0\nac_pj = 0.5\nupdate_pj = 1.5\n'
MODELS = {
    "account-model-unknown": ("45nm-fp23", None),
    "account-model-no-file": ("none.toml", None),
    "account-model-no-toml": ("mine.toml", "mac_pj: 3"),
    "account-model-keys": ("mine.toml", MINE.replace("ac_pj = 0.5", "mult = 1").replace("bits = 8\n", "")),
    "account-model-negative": ("mine.toml", MINE.replace("1.5", "-1.5")),
    "account-model-zero": ("mine.toml", MINE.replace("0.5", "0.0")),
    "account-model-infinite": ("mine.toml", MINE.replace("2.0", "inf")),
    "account-model-not-a-number": ("mine.toml", MINE.replace("2.0", "nan")),
}


def accounted(cli, *arguments: object) -> dict:
    result = cli("account", "net.snn", *DATA, *arguments, "--json")
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)


def test_json(cli, stored):
    found = accounted(cli, "--steps", "2,6")
    assert set(found) == {
        *(
            "file",
            "method",
            "options",
            "data",
            "images",
            "energy_model",
            "ann",
            "snn",
            "memory",
            "not_counted",
            "preprocess",
        )
    }
    assert set(found["ann"]) == {"macs", "macs_with_padding", "energy_pj"}
    assert list(found["snn"]) == ["2", "6"]
    snn = iso.load(stored)
    data = iso.data.open_data("digits", "test", preprocess=None, images=20, shuffle=False)
    expected = iso.account(snn, data, steps=[2, 6])
    model, reference = energy_models["45nm-fp32"], iso.costs.reference_costs(snn)
    assert found["energy_model"] == model.to_dict()
    assert found["ann"]["energy_pj"] == reference.energy(model).to_dict()
    for steps, costs in expected.items():
        got = found["snn"][str(steps)]
        whole = costs.to_dict()
        assert {key: whole[key] for key in whole.keys() & got.keys()} == {key: got[key] for key in whole.keys() & got}
        assert set(got) - set(whole) == {"energy_pj", "frames_per_second_per_watt", "quantised_ann", "bit_serial_ann"}
        assert set(got["total"]) == FIGURES
        assert got["energy_pj"] == costs.energy(model).to_dict()
        assert got["quantised_ann"]["bits"] == reference.bits(steps)
        assert got["quantised_ann"]["energy_pj"] == reference.quantised_energy(model, steps).to_dict()
        assert got["bit_serial_ann"]["energy_pj"] == reference.bit_serial_energy(model, steps).to_dict()
    assert found["memory"] == iso.costs.memory_of(snn).to_dict()
    assert found["not_counted"] == [*costs.not_counted(), *model.left_out()]


def test_one_image_and_a_model_of_ones_own(cli, stored):
    (stored.parent / "mine.toml").write_text(MINE)
    found = accounted(cli, "--steps", "3", "--images", "1", "--energy-model", "mine.toml")
    assert (found["images"], found["energy_model"]["source"]) == (1, "measured at the wall")
    total, energy = found["snn"]["3"]["total"], found["snn"]["3"]["energy_pj"]
    assert energy["total"] == 0.5 * total["synops"] + 2 * total["macs"] + 1.5 * total["neuron_updates"]


@pytest.mark.parametrize("by", ["site", "op"])
def test_the_table(by, cli, stored, golden):
    result = cli("account", "net.snn", *DATA, "--steps", "2,4", "--by", by, "--energy-model", "bit-coded-8")
    assert (result.code, result.err) == (0, "")
    golden(f"account-by-{by}", result.out)


def test_emitting_networks_have_their_own_steps(cli, files):
    assert cli("convert", "bit-coded", "m.py:build", *DATA, "--out", "net.snn").code == 0
    assert list(accounted(cli)["snn"]) == ["4"]
    assert cli("account", "net.snn", *DATA, "--steps", "2").code == 2


def test_islands_are_not_counted(cli, files):
    made = cli("convert", "maximum", "m.py:gated", *DATA, "--analogue", "allow", "--out", "net.snn")
    assert made.code == 0
    assert any(line.startswith("4 (sigmoid): an analogue island") for line in accounted(cli)["not_counted"])


@pytest.mark.parametrize("name", MODELS)
def test_error_line_of_an_energy_model(name, cli, stored, golden):
    model, content = MODELS[name]
    if content is not None:
        (stored.parent / "mine.toml").write_text(content)
    result = cli("account", "net.snn", *DATA, "--steps", "2", "--energy-model", model)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    golden(f"error-{name}", result.err)


def test_help_names_the_models(cli):
    text = " ".join(cli("account", "--help").out.split())
    assert all(name in text for name in energy_models)
