"""What a report is given is checked as a whole; the message names what is wrong."""

from __future__ import annotations

import copy
import json
import sys

import pytest

from isospike.comparison import Cell
from isospike.costs.accounted import Account
from isospike.errors import DataError, OutputError
from isospike.report import costs_of_account, read, write_report
from isospike.report.costs import CostsShown, cost_tables, not_counted
from isospike.report.reading import SOURCES
from isospike.results import members_of
from isospike.results.marks import Presence

KINDS = {**SOURCES, "cell": Cell}


@pytest.mark.parametrize("what", KINDS)
def test_every_key_is_needed(what, given):
    whole = {
        "comparison": given.comparison,
        "cell": given.comparison["cells"][0],
        "diagnosis": given.diagnosis,
        "costs": given.costs,
        "account": account(given.costs),
    }
    kind = KINDS[what]
    assert kind.check(whole[what]) == whole[what]
    for key in {member.path[0] for member in members_of(kind) if member.presence is Presence.ALWAYS}:
        lacking = {name: value for name, value in whole[what].items() if name != key}
        with pytest.raises(DataError, match=f"no {what}: it lacks {key}"):
            kind.check(lacking)


def account(costs):
    """The object of ``isospike account --json`` of the same costs, beside those of fewer steps."""
    (energy,) = costs["energy_pj"].values()
    last = {**{key: costs[key] for key in ("total", "by_site", "by_op")}, "energy_pj": energy}
    fewer = {"total": {}, "by_site": {}, "by_op": {}, "energy_pj": {}}
    return {
        "images": costs["images"],
        "energy_model": costs["energy_models"][0],
        "snn": {"2": fewer, str(costs["steps"]): last},
        "not_counted": costs["not_counted"],
    }


def test_an_account_is_read_at_its_largest_number_of_steps(given):
    assert costs_of_account(account(given.costs)) == given.costs


@pytest.mark.parametrize(("snn", "message"), [({}, "no keys"), ({"many": {}}, "many"), ([], "not an object")])
def test_accounts_have_numbers_of_steps(snn, message, given):
    with pytest.raises(DataError, match=message):
        Account.check({**account(given.costs), "snn": snn})


def test_what_has_no_figure_is_not_free(given):
    tables = {table.name: table for table in cost_tables(given.costs)}
    energies = {part: value for _, part, value in tables["costs-energy"].rows}
    assert energies["traffic"] is None
    assert energies["total"] == given.costs["energy_pj"]["stand-in"]["total"]
    assert any("reading and writing" in text for text in not_counted(given.costs))


@pytest.mark.parametrize("what", ["diagnosis", "costs"])
def test_other_objects_are_refused(what, given, tmp_path):
    with pytest.raises(DataError, match=f"no {what}: it lacks"):
        write_report(tmp_path / "r.html", given.comparison, **{what: given.comparison})


CHANGES = {
    "cells[0].score is a str": lambda c: c["cells"][0].update(score="high"),
    "cells[1].steps is 4.5, not a whole number of at least 1": lambda c: c["cells"][1].update(steps=4.5),
    "it lacks cells[0].label": lambda c: c["cells"][0].pop("label"),
    "cells[0].energy_pj.a is a str, not a number or null": lambda c: c["cells"][0].update(energy_pj={"a": "b"}),
    "cells is a dict, not a list": lambda c: c.update(cells={}),
    "cells[0] is an int, not an object": lambda c: c["cells"].insert(0, 3),
    "front[0] is a list, not [a text, a whole number]": lambda c: c.update(front=[["a"]]),
    "model is a NoneType": lambda c: c.update(model=None),
    "images is a bool": lambda c: c.update(images=True),
    "cells[0].papers[0] is 1, not a text": lambda c: c["cells"][0].update(papers=[1]),
}


@pytest.mark.parametrize("message", CHANGES)
def test_what_is_wrong_is_named(message, given, tmp_path):
    compared = copy.deepcopy(given.comparison)
    CHANGES[message](compared)
    with pytest.raises(DataError) as raised:
        write_report(tmp_path / "r.html", compared)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_many_faults_are_counted(given, tmp_path):
    compared = copy.deepcopy(given.comparison)
    for cell in compared["cells"]:
        cell["score"] = "high"
    with pytest.raises(DataError, match=f"and {len(compared['cells']) - 8} more"):
        write_report(tmp_path / "r.html", compared)


@pytest.mark.parametrize("value", [None, [], 3, "text"], ids=str)
def test_other_json_is_refused(value, tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(value))
    with pytest.raises(DataError, match="not an object"):
        read(tmp_path / "x.json", "comparison")


def test_a_stored_comparison_is_read_as_it_was(given, tmp_path):
    (tmp_path / "c.json").write_text(json.dumps(given.comparison))
    assert read(tmp_path / "c.json", "comparison") == json.loads(json.dumps(given.comparison))


def test_a_page_that_fails_leaves_nothing(given, tmp_path):
    with pytest.raises(DataError):
        write_report(tmp_path / "r.html", {})
    with pytest.raises(OutputError):
        write_report(tmp_path / "none" / "r.html", given.comparison)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_library_says_how_to_add_it(given, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(OutputError, match=r"pip install 'isospike\[report\]'"):
        write_report(tmp_path / "r.html", given.comparison)


def test_an_account_brings_its_rivals_and_its_memory(given):
    """Totals of one image and bytes of the tensors, each as the account has it."""
    whole = account(given.costs)
    model = whole["energy_model"]["name"]
    last = whole["snn"][str(given.costs["steps"])]
    whole["ann"] = {"macs": 10, "energy_pj": {"total": 40.0}}
    last["energy_pj"] = {**last["energy_pj"], "total": 30.0}
    last["quantised_ann"], last["bit_serial_ann"] = {"energy_pj": {"total": 20.0}}, {"energy_pj": {"total": 10.0}}
    whole["memory"] = {"network_bytes": 8, "set_bytes": {"2": 3, "4": 5}, "total_bytes": 16}
    tables = {table.name: table for table in cost_tables(CostsShown.check(costs_of_account(whole)))}
    found = {(row[0], row[1]): row[2] for row in tables["costs-rivals"].rows}
    rivals = {"this network": 30.0, "ANN": 40.0, "quantised ANN": 20.0, "bit-serial ANN": 10.0}
    assert found == {(model, name): energy for name, energy in rivals.items()}
    memory = (("network", 8), ("set for T = 2", 3), ("set for T = 4", 5), ("all", 16))
    assert tables["costs-memory"].rows == memory
