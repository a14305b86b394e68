"""Options declare their ranges once: the check, the words, the schema and the help agree on them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pytest

import isospike as iso
from isospike.activations import activations
from isospike.costs.energy import EnergyModel
from isospike.data.preprocess import Preprocess
from isospike.errors import OptionError, UnknownNameError
from isospike.executors.exits import exits
from isospike.methods import methods
from isospike.network import ReadOut
from isospike.options import (
    Configuration,
    Count,
    Decay,
    Even,
    OneOf,
    Percent,
    Positive,
    Range,
    Rising,
    Some,
    options_of,
    schema_of,
)
from isospike.options.configuration import forms_of
from isospike.options.forms import Either, Form, Many, Number, form_of
from isospike.scales import rules
from isospike.train import Recipe

CONFIGURATIONS = [
    *(methods[name] for name in methods),
    *(rules[name] for name in rules),
    *(activations[name] for name in activations),
    *(exits[name] for name in exits),
    *(iso.refine.BiasCalibration, iso.refine.PotentialCalibration, iso.refine.WeightCalibration),
    *(iso.refine.TemporalBiasCalibration, ReadOut, Recipe, EnergyModel, Preprocess),
]

FORMS = [
    (Count, (1, 10**400, np.int64(3)), (0, -1, True, 1.0, "1", None), "a whole number of at least 1"),
    (Annotated[int, Range(1, 16)], (1, 16), (0, 17), "a whole number from 1 to 16"),
    (Annotated[int, Even(2, 8)], (2, 8), (0, 3, 10), "an even number from 2 to 8"),
    (Decay, (0, 0.5, np.float32(0.5)), (1, -0.1, math.nan, False), "a number from 0 to below 1"),
    (Positive, (1e-300, 10), (0, math.inf, math.nan, 10**400), "a finite number above 0"),
    (Percent, (100, 1e-3), (0, 100.5), "a number above 0 and at most 100"),
    (Positive | None, (None, 2.0), (0.0, "x"), "a finite number above 0"),
    (Count | tuple[Count, ...], (3, (3, 4), [3], ()), (0, (0,), (3, True)), "a whole number of at least 1, or several"),
    (Annotated[tuple[Count, ...], Rising()], ((1, 2), [4]), ((), (2, 1), (1, 1), 1), "rising whole numbers of at "),
    (Annotated[tuple[str, ...], Some()], (("a",),), ((), (1,)), "a list, each a text"),
    (Literal["a", "b"], ("a",), ("c", 1, None), "a or b"),
    (bool, (True,), (1, None, "yes"), "true or false"),
    (Annotated[str, OneOf(rules)], ("mmse",), (1, None), "a name"),
]
"""Type hint, values that fit, values that do not, and how a message says it."""


@pytest.mark.parametrize(("hint", "right", "wrong", "words"), FORMS, ids=[row[3] for row in FORMS])
def test_a_form_tells_right_from_wrong(hint, right, wrong, words):
    form = form_of(hint)
    assert [value for value in right if not form.fits(value)] == []
    assert [value for value in wrong if form.fits(value)] == []
    assert form.words.startswith(words)


def test_all_that_is_wrong_is_said_at_once_and_numbers_become_plain():
    @dataclass(frozen=True)
    class Two(Configuration):
        first: Count = 1
        second: tuple[Decay, ...] = ()

    with pytest.raises(OptionError, match=r"^two: first must be .*, got 0; second must be .*, got \[2\]$"):
        Two(0, [2])  # type: ignore[arg-type]
    made = Two(np.int64(2), [np.float32(0.5), 0])
    assert (made.first, made.second) == (2, (0.5, 0.0))
    assert [type(value) for value in (made.first, *made.second)] == [int, float, float]


def test_a_name_that_no_registry_has_is_unknown():
    with pytest.raises(UnknownNameError, match="unknown scale rule 'mmsa'; did you mean mmse"):
        form_of(Annotated[str, OneOf(rules)]).read("mmsa")


def numbers_in(form: Form) -> list[Number]:
    """The forms of numbers within one."""
    parts = (form.item,) if isinstance(form, Many) else form.parts if isinstance(form, Either) else ()
    return [form] if isinstance(form, Number) else [number for part in parts for number in numbers_in(part)]


@pytest.mark.parametrize("kind", CONFIGURATIONS, ids=lambda kind: kind.__qualname__)
def test_every_number_declares_its_range(kind):
    assert [name for name, form in forms_of(kind).items() if any(n.bounds is None for n in numbers_in(form))] == []


@pytest.mark.parametrize("kind", CONFIGURATIONS, ids=lambda kind: kind.__qualname__)
def test_every_option_has_a_docstring(kind):
    assert [option.name for option in options_of(kind) if not option.help] == []


@pytest.mark.parametrize("name", list(methods))
def test_the_schema_is_that_of_the_options(name):
    schema = json.loads(json.dumps(schema_of(methods[name])))
    assert list(schema["properties"]) == list(methods[name]().options())
    for option in options_of(methods[name]):
        described = schema["properties"][option.name]
        assert option.form.fits(described["default"])
        for number in numbers_in(option.form):
            assert number.schema().items() <= _innermost(described, number.schema()["type"]).items()


def _innermost(schema, kind):
    """The part of a schema that describes a number."""
    parts = [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]
    if schema.get("type") == kind:
        return schema
    return next(found for found in (_innermost(part, kind) for part in parts) if found) if parts else {}
