"""Figures for a paper and tables: drawn, not blank, and with the numbers that were given."""

from __future__ import annotations

import csv
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from isospike.errors import OutputError
from isospike.report import write_figures
from isospike.report.content import gather

CHARTS = ("score", "pareto", "errors", "shares", "rates", "raster")


@pytest.fixture(scope="module")
def folder(given, tmp_path_factory):
    target = tmp_path_factory.mktemp("figures") / "new" / "folder"
    files = write_figures(target, given.comparison, **given.more)
    assert sorted(files) == sorted(target.iterdir())
    return target


@pytest.mark.parametrize("name", CHARTS)
def test_a_figure_is_drawn(name, folder):
    pixels = np.asarray(Image.open(folder / f"{name}.png").convert("RGB"))
    assert pixels.shape[1] > 1000
    coloured = (pixels.max(2).astype(int) - pixels.min(2) > 60).mean()
    assert coloured > 5e-4  # a raster of small dots covers about a thousandth of its figure


@pytest.mark.parametrize("name", CHARTS)
def test_text_of_a_figure_stays_text(name, folder, given):
    root = ElementTree.parse(folder / f"{name}.svg").getroot()
    texts = {"".join(element.itertext()).strip() for element in root.iter("{http://www.w3.org/2000/svg}text")}
    chart = gather(given.comparison, **given.more).chart(name)
    assert {chart.title, chart.x.title} <= texts
    if len(chart.series) > 1:
        assert {series.name for series in chart.series} <= texts


def test_the_same_report_gives_the_same_figures(folder, given, tmp_path):
    write_figures(tmp_path, given.comparison, **given.more)
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes(), path.name


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_tables_hold_the_numbers_of_the_comparison(folder, given):
    found = rows(folder / "table-cells.csv")
    assert len(found) == len(given.comparison["cells"])
    for row, cell in zip(found, given.comparison["cells"], strict=True):
        for key in ("score", "agreement", "spikes", "packets", "synops", "macs", "neuron_updates", "seconds"):
            assert float(row[key]) == cell[key]  # every digit
        assert (row["label"], int(row["steps"])) == (cell["label"], cell["steps"])
        assert float(row["energy_pj"]) == cell["energy_pj"]["stand-in"]
        assert float(row["quantised_energy_pj"]) == cell["quantised_energy_pj"]["stand-in"]


def test_charts_have_their_values_as_csv(folder, given):
    found = [row for row in rows(folder / "score.csv") if row["series"] != "ANN"]
    expected = {(cell["label"], cell["steps"]): 100 * cell["score"] for cell in given.comparison["cells"]}
    assert {(row["series"], int(row["Time steps T"])): float(row["Top-1 accuracy (%)"]) for row in found} == expected
    sites = rows(folder / "table-sites.csv")
    for row, site in zip(sites, given.diagnosis["sites"], strict=True):
        for key, value in site.items():
            assert row[key] == ("" if value is None else str(value))
    events = rows(folder / "table-raster-events.csv")
    assert len(events) == sum(len(site.events) for site in given.raster.sites)


def test_everything_is_in_the_json(folder, given):
    whole = json.loads((folder / "report.json").read_text())
    expected = {"comparison": given.comparison, "diagnosis": given.diagnosis, "costs": given.costs}
    assert whole == json.loads(json.dumps(expected))


def test_a_folder_that_cannot_be_made(given, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"cannot write figures to .*file is a file"):
        write_figures(tmp_path / "file" / "folder", given.comparison)
