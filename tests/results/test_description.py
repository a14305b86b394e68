"""A result is described by its fields alone: JSON, its check, its table and the docs follow them, in every class."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import math
import pkgutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest

import isospike
from isospike.comparison import Cell, Comparison
from isospike.costs.accounted import Account
from isospike.diagnosis import Diagnosis
from isospike.errors import DataError
from isospike.options import Count
from isospike.options.forms import Flag, Number, Word, Words
from isospike.results import (
    Among,
    At,
    Before,
    IfKnown,
    IfThere,
    Inner,
    JsonForm,
    Result,
    Shown,
    Stored,
    columns_of,
    derived,
    members_of,
)
from isospike.results.containers import Fixed, Keyed, Listed, Mapped, Nested, OneOfForms
from isospike.results.forms import Anything, Figure, Leaf
from isospike.results.marks import Presence
from isospike.tables import Tabular
from isospike.tasks import Task

ROOT = Path(__file__).resolve().parents[2]
CONFIGURED = {"Task": {"to_dict"}, "Preprocess": {"from_dict"}}
"""Configurations: a task has a name in JSON, preprocessing refuses keys that it does not know."""


def classes() -> list[type]:
    """All classes that the package defines."""
    names = [info.name for info in pkgutil.walk_packages(isospike.__path__, "isospike.") if "__main__" not in info.name]
    modules = map(importlib.import_module, names)
    found = {value for module in modules for value in vars(module).values() if inspect.isclass(value)}
    return sorted((kind for kind in found if kind.__module__.startswith("isospike.")), key=lambda kind: kind.__name__)


KINDS = [kind for kind in classes() if issubclass(kind, Result) and kind not in (Result, Stored)]
STORED = [kind for kind in KINDS if issubclass(kind, Stored)]


@pytest.fixture(scope="module")
def builder():
    """The modules that make the pages."""
    sys.path.insert(0, str(ROOT / "docs"))
    from builder import json_forms

    yield json_forms
    sys.path.remove(str(ROOT / "docs"))


@dataclass(frozen=True)
class Inside(Stored):
    """Something within a result."""

    depth: Annotated[float, Shown("Depth", "m", 1)]
    """How deep it lies."""


@dataclass(frozen=True)
class Plain(Stored):
    """A result with a field of each kind."""

    name: str
    """Its name."""
    count: Annotated[Count, Shown("Count", "", 0)]
    """How many."""
    weight: Annotated[float | None, Shown("Weight", "kg", 2, factor=1e-3), Before("count"), At("size.weight")]
    """How heavy."""
    parts: tuple[Inside, ...]
    """What it holds."""
    by_step: IfKnown[dict[int, float]] = dataclasses.field(default_factory=dict)
    """By the number of steps."""
    note: IfThere[str | None] = None
    """A remark."""

    @property
    @derived(before="parts")
    def heavy(self) -> bool:
        """Whether it is heavy."""
        return self.weight is not None and self.weight > 1000


@dataclass(frozen=True)
class Added(Plain):
    """The same with one field more."""

    speed: Annotated[float, Shown("Speed", "m/s", 3)] = 0.0
    """How fast it is."""


WHOLE = {
    "name": "a",
    "count": 2,
    "size": {"weight": 1500.0},
    "heavy": True,
    "parts": [{"depth": 2.0}],
    "by_step": {"4": 1},
}


def test_fields_are_the_json_object():
    found = Plain.from_dict(WHOLE)
    assert found == Plain("a", 2, 1500.0, (Inside(2.0),), {4: 1})
    assert json.dumps(found.to_dict()) == json.dumps(WHOLE)
    assert dataclasses.replace(found, note="seen").to_dict()["note"] == "seen"
    lacking = {key: value for key, value in WHOLE.items() if key != "by_step"}
    assert Plain.from_dict(lacking).by_step == {}


def test_an_added_field_is_everywhere(builder):
    """One line in the class: JSON, check, columns and docs have it."""
    assert "speed" not in Plain.from_dict(WHOLE).to_dict()
    assert Added.from_dict({**WHOLE, "speed": 3.0}).to_dict() == {**WHOLE, "speed": 3.0}
    assert Added.schema()["properties"]["speed"] == {"anyOf": [{"type": "number"}, {"type": "null"}]}
    assert "speed" in Added.schema()["required"]
    with pytest.raises(DataError, match="no added: it lacks speed"):
        Added.check(WHOLE)
    with pytest.raises(DataError, match=r"no added: speed is a str, not a number or null"):
        Added.check({**WHOLE, "speed": "fast"})
    assert [column.heading for column in columns_of(Plain)] == ["Weight kg", "Count"]
    assert [column.heading for column in columns_of(Added)] == ["Weight kg", "Count", "Speed m/s"]
    assert columns_of(Added)[0].shown(1500.0) == "1.50"
    assert "| `speed` | number or null | Speed m/s | How fast it is. |" in builder.keys_of(Added)
    assert "`speed`" not in builder.keys_of(Plain)


def test_everything_that_is_wrong_is_found_at_once():
    wrong = {"count": 0, "size": {}, "heavy": 1, "parts": [{"depth": "x"}, 3], "by_step": {"x\n": None}}
    with pytest.raises(DataError) as caught:
        Plain.from_dict(wrong)
    for fault in (
        "no plain: it lacks name",
        "count is 0, not a whole number of at least 1",
        "it lacks size.weight",
        "heavy is 1, not true or false",
        "parts[0].depth is a str, not a number or null",
        "parts[1] is an int, not an object",
        r"by_step has 'x\n' in the place of whole numbers",
    ):
        assert fault in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_number_is_null():
    found = dataclasses.replace(Plain.from_dict(WHOLE), parts=(Inside(math.nan),), by_step={1: math.inf, 2: 3.0})
    written = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    again = Plain.from_dict(written)
    assert math.isnan(again.parts[0].depth)
    assert again.by_step == {2: 3.0}


def test_keys_of_another_result_may_stand_among_its_own():
    @dataclass(frozen=True)
    class Around(Result):
        inside: Among[Inside]
        secret: Inner[object]
        count: int

    assert Around(Inside(2.0), object(), 3).to_dict() == {"depth": 2.0, "count": 3}


def test_no_class_writes_its_object_by_hand():
    """Every class with a JSON object is described; `to_dict` and `from_dict` are defined once."""
    for kind in classes():
        own = {"to_dict", "from_dict"} & vars(kind).keys()
        assert kind in (Result, Stored) or own == CONFIGURED.get(kind.__name__, set()), kind
        if hasattr(kind, "to_dict"):
            assert issubclass(kind, Result | Task), kind


TABLES_ONLY = {"Run", "Reference", "Raster", "Trained"}
"""Results that hold tensors, networks or drawings: they print as tables, and no command prints them as JSON."""


def test_every_result_is_described():
    tabular = {kind.__name__ for kind in classes() if issubclass(kind, Tabular) and kind is not Tabular}
    assert tabular - {kind.__name__ for kind in KINDS} == TABLES_ONLY
    assert {"Comparison", "Cell", "Diagnosis", "Costs", "Account", "Choice", "Certificate", "Evaluation"} <= {
        kind.__name__ for kind in KINDS
    }


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_member_has_a_column_of_its_own_key_and_stands_in_the_docs(kind, builder):
    members = members_of(kind)
    page = builder.keys_of(kind)
    assert len({member.path for member in members}) == len(members)
    assert sorted(column.key for column in columns_of(kind)) == sorted(
        one.key for one in members if one.shown is not None
    )
    for member in members:
        assert f"| `{'.'.join(member.path)}` | " in page


def sample(form: JsonForm) -> Any:
    """A value that is right."""
    match form:
        case Nested(kind=kind):
            return sample(kind.json_form())
        case Keyed(keys=keys):
            return {key: sample(one) for key, one in keys.items()}
        case Listed(item=item):
            return [sample(item)]
        case Mapped(key=key, item=item):
            return {"2" if key is int else "text": sample(item)}
        case Fixed(items=items):
            return list(map(sample, items))
        case OneOfForms(forms=forms):
            return sample(forms[0])
        case Figure() | Anything():
            return 0.5
        case Leaf(form=Words(known=known)):
            return known[0]
    assert isinstance(form, Leaf)
    values = {Flag: True, Word: "text", Number: 1}
    return values[type(form.form)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_result_checks_what_it_describes(kind):
    whole = sample(kind.json_form())
    assert list(kind.json_form().faults(whole, "")) == []
    for key in whole:
        for other in ("text", 7.5, -3, True, [], {}, None, [[]], {"a": {}}):
            found = list(kind.json_form().faults({**whole, key: other}, ""))
            assert all(key in fault and "\n" not in fault for fault in found)


JSON_TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "null": type(None),
}


def keeps(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value keeps the words of JSON Schema that results need."""
    if "anyOf" in schema:
        return any(keeps(value, one) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    if "type" not in schema:
        return True
    if not isinstance(value, JSON_TYPES[schema["type"]]):
        return False
    if schema["type"] == "array":
        items = schema.get("prefixItems", [schema.get("items", {})] * len(value))
        return len(items) == len(value) and all(map(keeps, value, items))
    if schema["type"] == "object":
        known = schema.get("properties", {})
        others = schema.get("additionalProperties", {})
        return set(schema.get("required", ())) <= set(value) and all(
            keeps(item, known.get(key, others)) for key, item in value.items()
        )
    return True


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_schema_says_what_the_check_does(kind):
    whole = sample(kind.json_form())
    schema = kind.schema()
    assert json.loads(json.dumps(schema)) == schema
    assert keeps(whole, schema)
    needed = {member.path[0] for member in members_of(kind) if member.presence is Presence.ALWAYS}
    for key in whole:
        lacking = {name: value for name, value in whole.items() if name != key}
        assert keeps(lacking, schema) == (not list(kind.json_form().faults(lacking, ""))) == (key not in needed)
        for other in ("text", [], {"a": 1}, None):
            if not keeps({**whole, key: other}, schema):
                assert list(kind.json_form().faults({**whole, key: other}, ""))


@pytest.mark.parametrize("kind", STORED, ids=lambda kind: kind.__name__)
def test_every_stored_result_is_read_as_it_was_written(kind):
    whole = sample(kind.json_form())
    again = kind.made_of(whole).to_dict()
    assert kind.made_of(again).to_dict() == again
    for path in {member.path for member in members_of(kind) if not member.derived}:
        assert at(again, path) == at(whole, path)


def at(values: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        values = values[key]
    return values


RESULTS = ROOT / "benchmarks" / "results"


def test_stored_files_are_read_and_written_byte_for_byte():
    compared = [path for path in RESULTS.rglob("*.json") if {"cells", "front"} <= set(keys(path))]
    assert compared
    for path in compared:
        assert Comparison.load(path).to_json() == path.read_text()
    chosen = [json.loads(path.read_text()) for path in (RESULTS / "auto").glob("*.json")]
    cells = [cell for one in chosen for cell in (one["selection"], one["report"]) if cell is not None]
    assert cells
    assert all(Cell.from_dict(cell).to_dict() == cell for cell in cells)
    assert all(Account.read(path) for path in RESULTS.rglob("*-account.json"))
    assert all(Diagnosis.read(path) for path in RESULTS.rglob("*-diagnosis.json"))


def keys(path: Path) -> list[str]:
    value = json.loads(path.read_text())
    return list(value) if isinstance(value, dict) else []
