"""Every public result is a table: printed in a few narrow lines, in a notebook, in pandas, all with the same cells."""

from __future__ import annotations

import dataclasses
import importlib
import sys
import types
from html.parser import HTMLParser

import pytest
import torch

import isospike as iso
from isospike.comparison import Failure
from isospike.data import open_data
from isospike.demo import load_digits_net
from isospike.errors import OutputError
from isospike.graphs import capture
from isospike.measure import choose_threshold
from isospike.report import record_raster
from isospike.tables import CELL, ROWS, WIDTH, Column, Table, Tabular
from isospike.train import Epoch, Trained

PACKAGES = ("graphs", "network", "executors", "costs", "measure", "diagnosis", "comparison", "train", "report")
PARTS = {
    "Op",
    "SiteEquality",
    "SiteError",
    "ExitPoint",
    "CostEntry",
    "SiteDiagnosis",
    "WorstSite",
    "Fault",
    "Failure",
    "Epoch",
}
"""Rows of another result's table, or remarks below it."""
SETTINGS = {"Record", "State", "ReadOut", "ExitRule", "EnergyModel", "Recipe", "LevelSchedule"}
"""What goes in, or on, and what a run goes on from."""
PROPERTIES = {"Profile", "Provenance", "Times", "TrainProgram", "Portion", "Chunk"}
"""What a network says about itself, and what executors hand on."""


def public() -> dict[str, type]:
    modules = [iso, *(importlib.import_module(f"isospike.{name}") for name in PACKAGES)]
    named = {name: value for module in modules for name, value in vars(module).items() if not name.startswith("_")}
    return {name: kind for name, kind in named.items() if isinstance(kind, type) and dataclasses.is_dataclass(kind)}


def digits(part: str, count: int):
    return list(open_data("digits", part, preprocess=None, shuffle=False, images=count))


@pytest.fixture(scope="module")
def results() -> dict[str, Tabular]:
    calibration, test = digits("calibration", 60), digits("test", 40)
    graph = capture(load_digits_net(), calibration[0][0][:2])
    streaming = iso.convert(graph, iso.methods.Maximum(), data=calibration)
    coded = iso.convert(graph, iso.methods.BitCoded(bits=3), data=calibration)
    costs = iso.account(streaming, test, steps=4)[4]
    compared = iso.compare(graph, calibration, test, methods=["maximum", "bit-coded"], steps=[2, 4])
    reference = iso.costs.reference_costs(streaming)
    rule = iso.exits.Confidence(0.6)
    chosen = choose_threshold(streaming, test, steps=4, rule=rule, max_drop=0.5)
    evaluated = iso.evaluate(streaming, test, steps=[2, 4], exit=chosen.rule)
    made = [
        iso.inspect(graph, calibration[0][0][:2]),
        iso.simulate(streaming, test[0][0], steps=4),
        costs,
        costs.total(),
        costs.energy(iso.costs.energy_models["45nm-fp32"]),
        reference,
        iso.costs.memory_of(streaming),
        evaluated,
        evaluated.exit,
        chosen,
        iso.verify(graph, coded, test),
        iso.diagnose(graph, streaming, test, steps=4),
        dataclasses.replace(compared, failed=(Failure("a method", None, "it has no learned bound"),)),
        compared.cells[0],
        iso.auto(graph, calibration, test, methods=["bit-coded"], steps=[4], max_drop=50, bit_trials=0),
        Trained(torch.nn.Identity(), (Epoch(1, 0.5, 0.75, 0.1, 3.0),)),
        record_raster(coded, test[0][0][:1]),
    ]
    return {type(result).__name__: result for result in made}


def test_every_public_dataclass_is_a_table_or_a_part_of_one(results):
    tables = {name for name, kind in public().items() if issubclass(kind, Tabular)}
    assert set(public()) == tables | PARTS | SETTINGS | PROPERTIES
    assert not tables & (PARTS | SETTINGS | PROPERTIES)
    assert tables == set(results)


NAMES = sorted(name for name, kind in public().items() if issubclass(kind, Tabular))


@pytest.mark.parametrize("name", NAMES)
def test_it_is_printed_in_few_narrow_lines(name, results):
    lines = str(results[name]).splitlines()
    assert 2 <= len(lines) <= ROWS + 25  # titles, headings and remarks besides
    assert max(map(len, lines)) <= WIDTH
    assert not any("tensor(" in line for line in lines)


class Cells(HTMLParser):
    """Texts of the cells of a page, row by row; every element must be closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


@pytest.mark.parametrize("name", NAMES)
def test_html_and_pandas_have_the_cells_of_the_table(name, results, monkeypatch):
    table = results[name].table()
    parsed = Cells(results[name]._repr_html_())
    assert parsed.open == []
    heads, *rows = parsed.rows
    assert heads == [column.heading for column in table.columns]
    shown = [[column.shown(value) for column, value in zip(table.columns, row, strict=True)] for row in table.rows]
    assert rows == shown
    frames = types.SimpleNamespace(DataFrame=lambda rows, columns: (rows, columns))
    monkeypatch.setitem(sys.modules, "pandas", frames)
    assert results[name].to_pandas() == (list(table.rows), [column.key for column in table.columns])
    assert len({column.key for column in table.columns}) == len(table.columns)


@pytest.mark.parametrize("name", NAMES)
def test_pandas_itself_takes_it(name, results):
    pytest.importorskip("pandas")
    table, frame = results[name].table(), results[name].to_pandas()
    assert list(frame.columns) == [column.key for column in table.columns]
    assert len(frame) == len(table.rows)
    for index, column in enumerate(table.columns):
        for value, row in zip(frame[column.key].tolist(), table.rows, strict=True):
            assert value == row[index] or (row[index] is None and value != value) or value is row[index]


def test_without_pandas_one_line_says_what_to_do(results, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(OutputError, match=r"^pandas cannot be imported; add it with: pip install pandas$"):
        results["Costs"].to_pandas()


def test_what_does_not_fit_is_named():
    """Hostile names stay texts; long ones are cut, and columns and rows that are left out are said to be."""
    columns = (Column("name", "Name"), *(Column(f"c{n}", f"Count {n}", "/image", 0) for n in range(12)))
    rows = tuple((f"<b>&{'x' * 60}", *range(12)) for _ in range(ROWS + 2))
    table = Table("t", "A title", columns, rows)
    lines = str(table).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines[2].split()[0]) == CELL
    assert "2 more rows; not shown: Count" in " ".join(lines[-2:])
    assert "Count 11" in " ".join(lines[-2:])
    whole = table.text().splitlines()
    assert len(whole) == 2 + len(rows)
    assert whole[2].split() == ["<b>&" + "x" * 60, *map(str, range(12))]
    assert Cells(table._repr_html_()).rows[1][0] == "<b>&" + "x" * 60
