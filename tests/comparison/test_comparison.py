"""A comparison: its front, the best of it, its files and what is no comparison."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math

import pytest

import isospike as iso
from isospike.comparison import Cell, Comparison
from isospike.comparison.front import pareto_front
from isospike.errors import DataError, OptionError, OutputError, UnknownNameError
from isospike.intervals import interval

MODEL = "45nm-fp32"


def test_the_front_is_a_front(everything):
    for name in iso.costs.energy_models:
        front = everything.front(name)
        cells = [cell for cell in everything.cells if interval(cell.value, everything.images)[0] > 1 / 10]
        points = {id(cell): (cell.value, -cell.energy_pj[name]) for cell in cells}

        def dominated(cell: Cell, points=points) -> bool:
            own = points[id(cell)]
            return any(p != own and p[0] >= own[0] and p[1] >= own[1] for p in points.values())

        members = {id(cell) for cell in front}
        assert {id(cell) for cell in cells if not dominated(cell)} == members
        energies = [cell.energy_pj[name] for cell in front]
        assert energies == sorted(energies)


def test_equal_cells_are_on_the_front_together(everything):
    cell = everything.cells[0]
    assert pareto_front([cell, cell], MODEL, everything.measure) == (cell, cell)
    assert pareto_front([], MODEL, everything.measure) == ()


def test_the_best_is_the_cheapest_that_holds(everything):
    best = everything.best(max_drop=2.0, max_steps=2)
    assert best is not None
    lost = round(everything.ann * 120) - 2  # 2 points of 120 images are 2.4
    held = [cell for cell in everything.cells if cell.steps <= 2 and round(cell.value * 120) >= lost]
    assert best.energy_pj[MODEL] == min(cell.energy_pj[MODEL] for cell in held)
    assert everything.best(max_drop=0.0, max_energy=1.0) is None
    with pytest.raises(OptionError, match="max_drop must be a finite number of at least 0, got -1"):
        everything.best(max_drop=-1)
    with pytest.raises(UnknownNameError, match="unknown energy model '45nm'"):
        everything.front("45nm")


def test_files(everything, tmp_path):
    everything.save(tmp_path / "c.json")
    assert Comparison.load(tmp_path / "c.json") == everything
    everything.save(tmp_path / "c.csv")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "c.csv").read_text())))
    assert [(row["label"], int(row["steps"]), float(row["score"])) for row in rows] == [
        (cell.label, cell.steps, cell.score) for cell in everything.cells
    ]
    assert float(rows[0][f"energy_pj:{MODEL}"]) == everything.cells[0].energy_pj[MODEL]
    with pytest.raises(OutputError, match=r"written to \.json or \.csv"):
        everything.save(tmp_path / "c.txt")
    with pytest.raises(OutputError, match=r"give a file that ends in \.html"):
        everything.report(tmp_path / "c.txt")


NO_COMPARISON = {
    "it lacks format, model": lambda found: {"cells": []},
    "comparison of format 2 but of 1: read it with": lambda found: {**found, "format": 1},
    "images is 0, not a whole number of at least 1": lambda found: {**found, "images": 0},
    "NaN is no number": lambda found: {**found, "ann": {**found["ann"], "score": math.nan}},
    "ann.score is 2, not at least 0 and at most 1": lambda found: {**found, "ann": {**found["ann"], "score": 2}},
    "metric is 'agreement' where ann.score is known": lambda found: {**found, "metric": "agreement"},
    r"front names \['none', 2\], which is no cell": lambda found: {**found, "front": [["none", 2]]},
    r"cells\[0\].steps is 0, not": lambda found: {**found, "cells": [{**found["cells"][0], "steps": 0}]},
    r"cells\[0\].agreement is -1, not": lambda found: {**found, "cells": [{**found["cells"][0], "agreement": -1}]},
    r"cells\[0\].agreement is a NoneType": lambda found: {
        **found,
        "cells": [{**found["cells"][0], "agreement": None}],
    },
    r"cells\[0\].score is null where": lambda found: {
        **found,
        "front": [],
        "cells": [{**found["cells"][0], "score": None}],
    },
}


@pytest.mark.parametrize("message", NO_COMPARISON)
def test_what_is_no_comparison_is_not_loaded(message, everything, tmp_path):
    changed = NO_COMPARISON[message](everything.to_dict())
    (tmp_path / "c.json").write_text(json.dumps(changed))
    with pytest.raises(DataError, match=rf"c\.json is no .*{message}") as caught:
        Comparison.load(tmp_path / "c.json")
    assert "\n" not in str(caught.value)


def test_an_unknown_energy_is_on_no_front(everything):
    values = everything.to_dict()
    cheapest = everything.front()[0]
    place = everything.cells.index(cheapest)
    values["cells"][place]["energy_pj"] = {**cheapest.energy_pj, MODEL: None}
    found = Comparison.from_dict(json.loads(json.dumps(values)))
    others = everything.cells[:place] + everything.cells[place + 1 :]
    assert found.front() == pareto_front(
        [cell for cell in others if interval(cell.value, 120)[0] > 1 / 10], MODEL, found.measure
    )
    assert found.best(max_drop=100) == pareto_front(others, MODEL, found.measure)[0]


def test_networks_that_guess_are_on_no_front(everything):
    """The cheapest network of all is silent; where chance is not known, it stays."""
    silent = dataclasses.replace(
        everything.cells[0], label="silent", score=0.1, interval=interval(0.1, 120), energy_pj={MODEL: 1e-3}
    )
    found = dataclasses.replace(everything, cells=(silent, *everything.cells))
    assert everything.chance == 1 / 10
    assert silent not in found.front()
    assert dataclasses.replace(found, chance=None).front()[0] == silent


def test_json_names_what_is_documented(everything):
    found = everything.to_dict()
    assert set(found) >= {"model", "ann", "images", "calibration_images", "metric", "energy_model", "cells", "failed"}
    assert set(found) >= {"front", "command", "versions", "seed"}
    assert set(found["model"]) == {"digest", "sites", "macs", "macs_with_padding"}
    assert found["front"] == [[cell.label, cell.steps] for cell in everything.front()]
    assert set(found["cells"][0]) == {field.name for field in dataclasses.fields(Cell)}
