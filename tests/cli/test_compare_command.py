"""``isospike compare`` and ``isospike auto``: what they print, write and keep."""

from __future__ import annotations

import dataclasses
import json

import pytest

import isospike as iso
from isospike.cli.progress import Log
from isospike.comparison import Cell, Comparison
from isospike.comparison.tables import front_table
from isospike.tasks import Classification

COMPARE = ["compare", "isospike.demo:load_digits_net", "--data", "digits", "--images", 60, "--calibration-images", 60]
AUTO = ["auto", "isospike.demo:load_digits_net", "--data", "digits", "--images", 200, "--calibration-images", 100]
ROWS = ["--methods", "bit-coded,qcfs,srp,slip-relu", "--steps", "2,6"]


def test_compare_prints_rows_front_failures_and_a_verdict(cli, tmp_path):
    result = cli(*COMPARE, *ROWS, "--keep", "kept", "--out", "c.json")
    assert (result.code, result.err) == (0, "")
    lines = result.out.splitlines()
    start = next(place for place, line in enumerate(lines) if line.split() == ["top-1", "%", "T=2", "T=6"])
    table = {line.split()[0]: line.split()[1:] for line in lines[start + 1 : start + 5]}
    assert list(table) == ["ANN", "bit-coded", "qcfs", "srp"]
    assert table["srp"][0] == "–"  # two steps do not get past the probe
    found = Comparison.load(tmp_path / "c.json")
    assert table["qcfs"] == [f"{100 * cell.score:.2f}" for cell in found.cells if cell.label == "qcfs"]
    assert any(line.startswith("failed: slip-relu: site 'relu' has no learned bound") for line in lines)
    best = found.best()
    assert any(f"{best.label} at T = {best.steps} is the cheapest within 1 point of the ANN" in line for line in lines)
    assert found.seed == 0
    assert len(list((tmp_path / "kept").iterdir())) == len(found.cells) == 5


def test_compare_writes_a_page_with_a_closer_look_and_figures(cli, tmp_path):
    result = cli(*COMPARE, "--methods", "bit-coded,opi", "--steps", "4", "--out", "c.html", "--figures", "figures")
    assert (result.code, result.err) == (0, "")
    page = (tmp_path / "c.html").read_text()
    assert all(f">{name}<" in page for name in ("Score", "Energy", "Layer by layer", "Spikes", "Costs"))
    assert len(list((tmp_path / "figures").glob("*.svg"))) >= 4
    refused = cli(*COMPARE, "--methods", "opi", "--figures", "figures")
    assert (refused.code, refused.err.count("\n")) == (2, 1)


def test_the_closer_look_is_at_all_of_a_hundred_images_by_the_model_of_the_comparison(cli, tmp_path):
    (tmp_path / "e.toml").write_text('name = "mine"\nsource = "here"\nbits = 8\nmac_pj = 2.0\nac_pj = 0.5\n')
    given = ["--methods", "opi", "--steps", 4, "--energy-model", "e.toml", "--batch-size", 7]
    result = cli(*COMPARE[:4], "--images", 120, *given, "--out", "c.html", "--figures", "figures")
    assert (result.code, result.err) == (0, "")
    shown = json.loads((tmp_path / "figures" / "report.json").read_text())
    assert (shown["costs"]["images"], shown["diagnosis"]["images"]) == (100, 100)
    assert "mine" in shown["costs"]["energy_pj"]
    assert {model["name"] for model in shown["costs"]["energy_models"]} == set(shown["costs"]["energy_pj"])
    assert "mine" in (tmp_path / "c.html").read_text()


def test_compare_as_json_and_csv(cli, tmp_path):
    given = ["--option", "qcfs.v-init=0.25", "--option", "qcfs.granularity=layer", "--energy-model", "loihi"]
    result = cli(*COMPARE, "--methods", "qcfs", "--steps", "4", *given, "--seed", 3, "--out", "c.csv", "--json")
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert (found["seed"], found["energy_model"], found["images"], found["calibration_images"]) == (3, "loihi", 60, 60)
    (cell,) = found["cells"]
    assert (cell["options"]["v_init"], cell["options"]["granularity"]) == (0.25, "layer")
    assert found["front"] == [["qcfs", 4]]
    assert (tmp_path / "c.csv").read_text().count("\n") == 2


@pytest.mark.parametrize(
    ("keep", "how"),
    [
        (["--keep", "kept"], "finished cells are kept in kept: the same call goes on from there"),
        ([], "nothing was kept: with keep=FOLDER (--keep FOLDER) the same call goes on where it stopped"),
    ],
)
def test_an_interrupt_says_how_to_go_on(keep, how, cli, monkeypatch):
    def interrupt(*what: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Log, "__call__", interrupt)
    result = cli(*COMPARE, "--methods", "opi", "--steps", "2", *keep)
    assert (result.code, result.out) == (130, "")
    assert result.err.strip() == f"error: interrupted; {how}"


def test_compare_without_labels(cli, files):
    result = cli("compare", "m.py:build", "--data", "d.py:unlabelled", "--methods", "bit-coded", "--steps", "2,8")
    assert result.code == 0, result.err
    assert "same class as ANN %" in result.out


def test_auto_writes_what_holds_and_says_on_how_many_images(cli, tmp_path):
    result = cli(
        *AUTO, "--methods", "bit-coded", "--steps", "2,3", "--max-drop", "1", "--bit-trials", 4, "--out", "n.snn"
    )
    assert (result.code, result.err) == (0, "")
    assert "selected on images of digits, reports on images of digits" in result.out
    assert [line.split()[:2] for line in result.out.splitlines() if line.startswith(("select ", "report "))] == [
        ["select", "100"],
        ["report", "100"],
    ]
    assert "calibrated on 100 images" in result.out
    snn = iso.load(tmp_path / "n.snn")
    assert snn.provenance.method == "bit-coded"
    assert f"n.snn: bit-coded at T={snn.times.steps}" in result.out
    assert snn.preprocess is not None


@pytest.mark.parametrize("size", [1, 3, 200])
def test_halves_do_not_depend_on_the_size_of_batches(size, cli):
    given = ["--methods", "bit-coded", "--steps", "3", "--bit-trials", 0, "--max-drop", "50", "--out", "n.snn"]
    result = cli(*AUTO[:4], "--images", 11, "--calibration-images", 20, *given, "--batch-size", size, "--json")
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert found["images"] == {"calibration": 20, "selection": 6, "report": 5}
    assert found["shared"]["selection-report"] == 0


def test_rows_of_a_front_that_differ_in_bits_say_so():
    cell = {field.name: 0.0 for field in dataclasses.fields(Cell)}
    cell |= {"label": "bit-coded", "energy_pj": {"m": 1e6}, "interval": None}
    measure = Classification().score([(10,)]).measures[0]
    uniform, own = (Cell(**{**cell, "options": {"bits": bits}, "steps": 3}) for bits in (3, [3, 2, 3]))
    table = front_table([(uniform, 10), (own, 10)], "m", measure)
    assert [row[0] for row in table.rows] == ["bit-coded", "bit-coded 3,2,3"]
    assert [line.split()[: 1 + own] for own, line in enumerate(str(table).splitlines()[-2:])] == [
        ["bit-coded"],
        ["bit-coded", "3,2,3"],
    ]


PARTS = """
from isospike.data import open_data

def digits():
    return list(open_data("digits", "test", preprocess=None, shuffle=False))

def select():
    return digits()[:2]

def report():
    return [x for x, _ in digits()[2:5]]
"""


def test_auto_as_json_with_two_sources(cli, tmp_path):
    (tmp_path / "p.py").write_text(PARTS)
    given = ["--methods", "bit-coded", "--steps", "3", "--bit-trials", 2, "--max-drop", "2", "--out", "n.snn", "--json"]
    result = cli(*AUTO, *given, "--select-data", "p.py:select", "--test-data", "p.py:report")
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert (found["file"], found["images"]) == ("n.snn", {"calibration": 100, "selection": 200, "report": 300})
    assert found["report"]["score"] is None  # only the images that select have labels
    assert found["ann"]["score"]["report"] is None


def test_auto_says_what_comes_nearest(cli, tmp_path):
    result = cli(*AUTO, "--methods", "maximum", "--steps", "2", "--max-drop", "0.5", "--out", "n.snn")
    assert result.code == 2
    assert result.err.startswith("error: no network is within 0.5 points of the ANN; nearest: maximum at T=2 (")
    assert not (tmp_path / "n.snn").exists()


ONE_TWICE = """
import torch
from digits_of_mine import images

def calibration():
    return images("calibration")

def test():
    (x, y), *rest = images("test")
    x[0] = images("calibration")[0][0][0]
    return [(x, y), *rest]
"""
OF_MINE = """
from isospike.data import open_data

def images(split):
    return list(open_data("digits", split, preprocess=None, images=200, shuffle=False))
"""


def test_calibration_images_among_the_test_images_are_told(cli, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "digits_of_mine.py").write_text(OF_MINE)
    (tmp_path / "t.py").write_text(ONE_TWICE)
    given = ["--data", "t.py:calibration", "--test-data", "t.py:test", "--methods", "opi", "--steps", 2]
    result = cli(*COMPARE[:2], *given)
    assert (result.code, result.err) == (0, "")
    assert "1 calibration image among the test images" in result.out.splitlines()
