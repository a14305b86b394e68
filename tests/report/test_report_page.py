"""The page: its sections, its numbers, nothing from elsewhere, nothing that a name could do to it."""

from __future__ import annotations

import copy
import html
import json
import math
import re
from html.parser import HTMLParser

import plotly.graph_objects
import pytest
import report_sample
from hypothesis import given as given_values
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs

import isospike as iso
from isospike.comparison import Comparison
from isospike.intervals import shown_interval
from isospike.report import write_report
from isospike.report.chart import log_ticks
from isospike.report.content import gather
from isospike.report.plotly_charts import figure
from isospike.report.sites import squared_shares
from isospike.report.verdict import verdict
from isospike.tables import finite

SECTIONS = ["score", "energy", "sites", "raster", "cells", "costs", "failed", "diagnosis", "made", "papers"]
LARGEST = 6 * 10**6
"""Bytes of a page: it is sent by mail."""
NASTY = "</script><script>alert(1)</script><img src=x onerror=alert(1)> \"'&amp; {{ 7*7 }} %{x} $x$ \u2028"


class Parsed(HTMLParser):
    """Elements of a page: sections, references to other files, texts by tag."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.sections: list[str] = []
        self.references: list[str] = []
        self.tags: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self._open = tag
        if tag == "section":
            self.sections.append(values["id"])
        self.references += [
            f"{tag} {value}" for key, value in values.items() if key in ("src", "href", "srcset", "data")
        ]

    def handle_data(self, data):
        self.texts.setdefault(self._open, []).append(data)


def written(path, comparison, **more) -> str:
    assert write_report(path, comparison, **more) == path
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(given, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "report.html"
    return written(path, given.comparison, **given.more, about={"title": "Digits", "Machine": "two cores"})


def test_sections_come_in_order(page):
    assert Parsed(page).sections == SECTIONS
    assert "Not in this report" not in page


def test_nothing_comes_from_elsewhere(page):
    parsed = Parsed(page)
    assert parsed.references == []
    assert not {"link", "iframe", "img", "object", "embed", "base"} & set(parsed.tags)
    own = page.replace(get_plotlyjs(), "")
    assert not re.search(r"https?://|@import|url\(", own)
    assert "default-src 'none'" in own
    assert len(page.encode()) < LARGEST


def test_the_page_says_how_it_was_made(page, given):
    compared = given.comparison
    for text in ("two cores", compared["command"], compared["model"]["digest"], "torch", "Digits"):
        assert html.escape(text) in page
    assert iso.cite(given.networks["maximum"]).splitlines()[0] in html.unescape(page)


def test_every_cell_is_a_row(page, given):
    rows = page.split('id="table-cells"')[1].split("</table>")[0].count("<tr>")
    assert rows == 1 + len(given.comparison["cells"])
    for cell in given.comparison["cells"]:
        assert f'data-order="{cell["energy_pj"]["stand-in"]!r}"' in page


@pytest.mark.parametrize(
    ("name", "gone"),
    [("diagnosis", {"sites", "diagnosis"}), ("raster", {"raster"}), ("costs", {"costs"})],
)
def test_missing_parts_are_left_out_and_named(name, gone, given, tmp_path):
    text = written(tmp_path / "r.html", given.comparison, **{**given.more, name: None})
    assert Parsed(text).sections == [section for section in SECTIONS if section not in gone]
    assert "Not in this report" in text


def test_a_comparison_alone_is_a_report(given, tmp_path):
    text = written(tmp_path / "r.html", given.comparison)
    assert Parsed(text).sections == ["score", "energy", "cells", "failed", "made", "papers"]


def test_names_can_do_no_harm(given, tmp_path):
    compared, diagnosed = copy.deepcopy(given.comparison), copy.deepcopy(given.diagnosis)
    for cell in compared["cells"]:
        cell["label"] = cell["label"].replace("snm", NASTY)
    compared["front"] = [[label.replace("snm", NASTY), steps] for label, steps in compared["front"]]
    compared |= {"command": NASTY, "energy_model": NASTY, "versions": {NASTY: NASTY}}
    compared["ann"]["energy_pj"] = {NASTY: 1e6}
    for cell in compared["cells"]:
        cell |= {
            "energy_pj": {NASTY: 1e5},
            "quantised_energy_pj": {NASTY: 2e5},
            "papers": [NASTY],
            "options": {NASTY: NASTY},
        }
    compared["failed"][0]["error"] = diagnosed["sites"][0]["site"] = diagnosed["verdict"] = NASTY
    about = {"title": NASTY, NASTY: NASTY}
    text = written(tmp_path / "r.html", compared, diagnosis=diagnosed, about=about)
    parsed, plain = Parsed(text), Parsed(written(tmp_path / "p.html", given.comparison, diagnosis=given.diagnosis))
    assert "img" not in parsed.tags
    assert parsed.tags.count("script") == plain.tags.count("script")
    assert parsed.texts["title"][0] == NASTY
    (figures,) = re.findall(r'<script type="application/json" id="figures">(.*?)</script>', text, re.DOTALL)
    drawn = json.loads(figures)
    assert html.escape(NASTY) in [trace["name"] for trace in drawn["score"]["data"]]


def test_charts_hold_the_numbers_of_the_comparison(given):
    content = gather(given.comparison, **given.more)
    lines = {series.name: series for series in content.chart("score").series}
    for cell in given.comparison["cells"]:
        line = lines[cell["label"]]
        assert line.y[line.x.index(cell["steps"])] == 100 * cell["score"]
    points = {series.name: series for series in content.chart("pareto").series}
    front = [tuple(entry) for entry in given.comparison["front"]]
    assert len(points["Pareto front"].x) == len(points["Quantised ANN of as many levels"].x) == len(front)
    sites = content.chart("errors").x.categories
    assert list(sites) == [site["site"] for site in given.diagnosis["sites"]]


def test_plotly_knows_every_property(given):
    for chart in gather(given.comparison, **given.more).charts:
        drawn = json.loads(re.sub(r'"@[\w-]+"', '"#123456"', json.dumps(figure(chart))))
        plotly.graph_objects.Figure(data=drawn["data"], layout=drawn["layout"])  # raises ValueError on unknown ones


def test_methods_keep_their_look_in_all_charts(given):
    content = gather(given.comparison)
    looks = {
        (series.name, series.style.colour, series.style.symbol)
        for name in ("score", "pareto")
        for series in content.chart(name).series
        if series.name in content.styles
    }
    assert len(looks) == len(content.styles)
    assert len({look[1:] for look in looks}) == len(looks)


@pytest.mark.parametrize("value", [None, math.nan, math.inf, 0.0], ids=str)
def test_energies_that_are_no_numbers_are_left_out(value, given, tmp_path):
    compared = copy.deepcopy(given.comparison)
    compared["cells"][0]["energy_pj"] = {"stand-in": value}
    compared["cells"][1]["energy_pj"] = {}
    text = written(tmp_path / "r.html", compared)
    assert f"2 of {len(compared['cells'])} cells lack a number" in text
    for cell in compared["cells"]:
        cell["energy_pj"] = {"stand-in": value}
    text = written(tmp_path / "n.html", compared)
    assert "energy" not in Parsed(text).sections
    assert "no cell has both" in text


def test_results_and_their_json_give_the_same_page(given, tmp_path):
    """Whoever has the object gives the object."""
    costs = iso.account(given.networks["maximum"], next(iter(report_sample.digits(20)))[0], steps=4)[4]
    compared = Comparison.from_dict(given.comparison)
    objects = written(tmp_path / "o.html", compared, costs=costs)
    assert objects == written(tmp_path / "d.html", compared.to_dict(), costs=costs.to_dict())
    assert 'id="costs"' in objects


def test_shares_of_the_squared_error_add_up(given):
    shares = gather(given.comparison, diagnosis=given.diagnosis).chart("shares")
    sums = [sum(values) for values in zip(*(series.y for series in shares.series), strict=True)]
    assert sums == pytest.approx([100] * len(given.diagnosis["sites"]), rel=1e-12)  # rounding of four divisions
    site = {"clipping_error": 3.0, "quantisation_error": 0.0, "unevenness_error": None, "accumulated_error": 5.0}
    assert squared_shares(site) == (9 / 25, 0, 0, 16 / 25)
    assert squared_shares({**site, "accumulated_error": 1.0}) == (1, 0, 0, 0)


def test_the_best_and_the_best_of_the_front_are_strong(given):
    """A front runs down to networks that hardly answer; these were drawn strong and the best pale."""
    cell = given.comparison["cells"][0]
    cells = [
        {**cell, "label": f"m{index}", "score": 0.2 + 0.04 * index, "energy_pj": {"stand-in": 1e3 * 2**index}}
        for index in range(16)
    ]
    compared = {**given.comparison, "cells": cells, "front": [[one["label"], one["steps"]] for one in cells]}
    strong = {label for label, style in gather(compared).styles.items() if style.strong}
    assert strong == {f"m{index}" for index in range(10, 16)}


def test_every_score_has_its_interval_and_its_images(given):
    content = gather(given.comparison)
    images, cells = given.comparison["images"], given.comparison["cells"]
    shown = dict(zip((tuple(row[:2]) for row in content.table("cells").rows), content.table("cells").rows, strict=True))
    for cell in cells:
        interval = shown_interval(cell["score"], images)
        assert interval in shown[cell["label"], cell["steps"]]
        for name in ("score", "pareto"):
            hints = [hint for series in content.chart(name).series for hint in series.hints]
            assert any(f"T = {cell['steps']}: " in hint and interval in hint for hint in hints)
    assert f"on {images} test images" in content.verdict[0]
    assert content.verdict[0].count("95 % interval") == 2


@given_values(low=st.floats(1e-9, 1e9), ratio=st.floats(1.57, 1e12))
def test_a_logarithmic_axis_has_a_few_ticks(low, ratio):
    """The limits of the chart of energies are at least 0.8 to 1.25 apart."""
    places = [place for place, _ in log_ticks(low, low * ratio)]
    assert 4 <= len(places) <= 13
    assert all(low <= place <= low * ratio for place in places)
    assert places == sorted(set(places))


def test_one_cell_is_a_report(given, tmp_path):
    compared = copy.deepcopy(given.comparison)
    compared |= {"cells": compared["cells"][:1], "front": [], "failed": []}
    assert Parsed(written(tmp_path / "r.html", compared)).sections[:2] == ["score", "energy"]


def test_no_cell_is_a_report_of_what_failed(given, tmp_path):
    text = written(tmp_path / "r.html", {**given.comparison, "cells": [], "front": []})
    assert Parsed(text).sections == ["cells", "failed", "made", "papers"]
    assert "No cell was measured." in text


@pytest.mark.parametrize(("right", "near"), [(149, True), (148, False)])
def test_the_verdict_counts_whole_images(right, near, given):
    """As `Comparison.best`: one point of 300 images is 3; as floats, 149 / 300 is below 152 / 300 - 0.01."""
    compared = copy.deepcopy(given.comparison)
    compared |= {"images": 300, "cells": compared["cells"][:1], "front": [], "failed": []}
    compared["ann"]["score"], compared["cells"][0]["score"] = 152 / 300, right / 300
    _, second = verdict(compared)
    assert ("is the cheapest within 1 point" in second) == near
    assert ("no network comes within 1 point of the ANN" in second) != near
    best = Comparison.from_dict(compared).best()
    assert (best is not None) == near


def test_without_labels_agreement_is_shown(given, tmp_path):
    compared = copy.deepcopy(given.comparison)
    compared |= {"metric": "agreement", "ann": {**compared["ann"], "score": None}}
    for cell in compared["cells"]:
        cell["score"] = None
    text = written(tmp_path / "r.html", compared)
    assert "Same class as the ANN against the number of time steps" in text
    reference, *_ = gather(compared).chart("score").series
    assert set(reference.y) == {100.0}


def test_many_methods_look_different(given):
    compared = copy.deepcopy(given.comparison)
    cell = compared["cells"][0]
    compared["cells"] = [{**cell, "label": f"method {index}", "steps": t} for index in range(30) for t in (4, 8)]
    compared["front"] = [["method 7", 4]]
    styles = gather(compared).styles
    assert len({(style.colour, style.dash) for style in styles.values()}) == 30
    strong = [label for label, style in styles.items() if style.strong]
    assert "method 7" in strong
    assert len(strong) < 10
    assert all(finite(y) for series in gather(compared).chart("score").series for y in series.y)


def test_options_that_depend_on_t_have_rows_of_their_own(given):
    compared = copy.deepcopy(given.comparison)
    cells = [cell for cell in compared["cells"] if cell["label"] == "buffered"]
    for cell in cells[:2]:
        cell["options"] = {**cell["options"], "levels": 2}
    rows = [row for row in gather(compared).table("methods").rows if row[0] == "buffered"]
    assert [row[1] for row in rows] == ["1, 2", "4, 8, 16, 32"]
