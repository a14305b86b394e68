"""`isospike report`: what it writes, and one line for everything that a user can get wrong."""

from __future__ import annotations

import json
import sys

import pytest

from isospike.tasks import Classification

TASK = Classification()
COMPARISON = {
    "format": 2,
    "model": {"digest": "00", "sites": 2, "macs": 1000, "macs_with_padding": 1200},
    "task": TASK.to_dict(),
    "measures": {
        "score": TASK.score([(10,)]).measures[0].to_dict(),
        "agreement": TASK.agreement([(10,)]).measures[0].to_dict(),
    },
    "chance": 0.1,
    "ann": {"score": 0.9, "interval": [0.6, 0.98], "energy_pj": {"45nm": 4600.0}},
    "images": 10,
    "account_images": 10,
    "calibration_images": 10,
    "shared": {"calibration-test": 0},
    "metric": "score",
    "energy_model": "45nm",
    "cells": [
        {
            "label": "maximum",
            "method": "maximum",
            "options": {"v_init": 0.0},
            "papers": ["diehl2015fast"],
            "steps": 8,
            **dict.fromkeys(("score", "agreement"), 0.8),
            "interval": [0.5, 0.94],
            **dict.fromkeys(("spikes", "packets", "synops", "macs", "neuron_updates"), 100.0),
            "energy_pj": {"45nm": 900.0},
            "quantised_energy_pj": {"45nm": 800.0},
            "conversion_seconds": 1.0,
            "seconds": 1.0,
        }
    ],
    "failed": [],
    "front": [["maximum", 8]],
    "command": "isospike compare m.py:build",
    "versions": {"isospike": "0"},
    "seed": 0,
}
REPORT = ["report", "c.json", "--out", "r.html"]
RASTER = [*REPORT, "--network", "net.snn", "--data", "digits"]


@pytest.fixture
def compared(files):
    (files / "c.json").write_text(json.dumps(COMPARISON))
    (files / "few.json").write_text(json.dumps({key: COMPARISON[key] for key in ("model", "cells", "images")}))
    (files / "list.json").write_text("[1, 2]")
    (files / "text.json").write_text("{'label': 1}")
    (files / "deep.json").write_text("[" * 100_000)
    return files


def test_a_report_with_a_raster_and_figures(cli, compared, stored):
    result = cli(*RASTER, "--steps", 4, "--image", 2, "--figures", "figures", "--title", "One <b>", "--json")
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert set(found) == {"file", "bytes", "figures"}
    page = (compared / "r.html").read_bytes()
    assert found["bytes"] == len(page)
    assert b"One &lt;b&gt;" in page
    assert b"image 2 of digits" in page
    assert sorted(found["figures"]) == sorted(f"figures/{path.name}" for path in (compared / "figures").iterdir())
    assert {"figures/raster.svg", "figures/table-cells.csv"} <= set(found["figures"])


def test_what_is_printed(cli, compared):
    result = cli(*REPORT, "--figures", "figures")
    assert result.code == 0
    page, figures = result.out.splitlines()
    assert page.startswith("r.html: ")
    assert figures == f"figures: {len(list((compared / 'figures').iterdir()))} files"


LINES = {
    "no-file": ["report", "none.json", "--out", "r.html"],
    "a-folder": ["report", ".", "--out", "r.html"],
    "no-json": ["report", "m.py", "--out", "r.html"],
    "python-dict": ["report", "text.json", "--out", "r.html"],
    "deep-json": ["report", "deep.json", "--out", "r.html"],
    "other-json": ["report", "list.json", "--out", "r.html"],
    "missing-keys": ["report", "few.json", "--out", "r.html"],
    "comparison-as-diagnosis": [*REPORT, "--diagnosis", "c.json"],
    "comparison-as-costs": [*REPORT, "--costs", "c.json"],
    "no-out": REPORT[:2],
    "out-no-folder": [*REPORT[:3], "none/r.html"],
    "figures-a-file": [*REPORT, "--figures", "m.py"],
    "out-other-ending": [*REPORT[:3], "r.txt"],
    "network-no-data": RASTER[:-2],
    "steps-no-network": [*REPORT, "--steps", "4", "--image", "0"],
    "data-no-network": [*REPORT, "--data", "digits"],
}
NETWORK_LINES = {
    "raster-no-steps": RASTER,
    "raster-no-image": [*RASTER, "--steps", "4", "--image", "500"],
    "raster-no-neurons": [*RASTER, "--steps", "4", "--neurons", "0"],
}


@pytest.mark.parametrize("name", LINES)
def test_error_line_of_a_report(name, cli, golden, compared):
    check(cli(*LINES[name]), name, golden)
    assert not (compared / "r.html").exists()
    assert not (compared / "r.txt").exists()


@pytest.mark.parametrize("name", NETWORK_LINES)
def test_error_line_of_a_raster(name, cli, golden, compared, stored):
    check(cli(*NETWORK_LINES[name]), name, golden)
    assert not (compared / "r.html").exists()


@pytest.mark.parametrize("library", ["plotly.offline", "jinja2", "matplotlib"])
def test_what_a_page_needs_is_missed_before_the_work(library, cli, compared, monkeypatch):
    """The model is a number and the comparison is none: what is missing is said before either is read."""
    monkeypatch.setitem(sys.modules, library, None)
    for command in (["compare", "m.py:number", "--data", "digits"], ["report", "none.json"], ["demo"]):
        if command == ["demo"] and library == "matplotlib":
            continue  # it writes no figures
        figures = [] if command == ["demo"] else ["--figures", "figures"]
        result = cli(*command, "--out", "r.html", *figures)
        assert (result.code, result.out) == (2, "")
        assert result.err.startswith(f"error: {library} cannot be imported")
        assert "pip install 'isospike[report]'" in result.err


def check(result, name, golden) -> None:
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("error: ")
    assert result.err.count("\n") == 1
    golden(f"error-report-{name}", result.err)
