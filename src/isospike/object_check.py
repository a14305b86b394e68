"""What a JSON object must hold, as a tree of kinds, and everything that is wrong with one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any

from isospike.messages import with_article


class FieldKind(Enum):
    """What a value must be."""

    TEXT = "a text"
    NUMBER = "a number or null"
    COUNT = "a whole number"
    POSITIVE = "a whole number of at least 1"
    FIGURE = "a number"
    FLAG = "true or false"
    INTERVAL = "a list of two numbers, or null"
    ORDINAL = "a whole number or null"
    MAP = "an object"
    NUMBERS = "an object of numbers"
    TEXTS = "a list of texts"
    TABLE = "an object of objects of numbers"
    PAIRS = "a list of pairs [label, steps]"


Schema = FieldKind | dict[str, Any] | list[Any]
"""A kind, an object by keys (``*``: any whole numbers, one at least), or a list whose items all have one schema."""


def faults_in(value: Any, schema: Schema, where: str) -> Iterator[str]:
    """What is wrong with a value, outermost first."""
    if isinstance(schema, FieldKind):
        if not _is(value, schema):
            yield f"{where} is {in_words(value)}, not {schema.value}"
    elif isinstance(schema, list):
        if not isinstance(value, list):
            yield f"{where} is {with_article(value)}, not a list"
            return
        for index, item in enumerate(value):
            yield from faults_in(item, schema[0], f"{where}[{index}]")
    elif not isinstance(value, Mapping):
        yield f"{where or 'it'} is {with_article(value)}, not an object"
    else:
        yield from _faults_of_object(value, schema, f"{where}." if where else "")


def _faults_of_object(value: Mapping[Any, Any], schema: dict[str, Any], prefix: str) -> Iterator[str]:
    if "*" in schema:
        wrong = [str(key) for key in value if not str(key).isdecimal()]
        if wrong or not value:
            yield f"{prefix[:-1]} has {', '.join(wrong) or 'no keys'} in the place of numbers of steps"
        schema = dict.fromkeys(value, schema["*"])
    lacking = [f"{prefix}{key}" for key in schema if key not in value]
    if lacking:
        yield f"it lacks {', '.join(lacking)}"
    for key in schema:
        if key in value:
            yield from faults_in(value[key], schema[key], f"{prefix}{key}")


def in_words(value: Any) -> str:
    """A number itself, of everything else its kind."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else with_article(value)


def _is(value: Any, kind: FieldKind) -> bool:
    number = value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    whole = isinstance(value, int) and not isinstance(value, bool)
    match kind:
        case FieldKind.TEXT:
            return isinstance(value, str)
        case FieldKind.NUMBER:
            return number
        case FieldKind.COUNT:
            return whole
        case FieldKind.POSITIVE:
            return whole and value >= 1
        case FieldKind.FIGURE:
            return number and value is not None
        case FieldKind.FLAG:
            return isinstance(value, bool)
        case FieldKind.INTERVAL:
            return value is None or (
                isinstance(value, list | tuple) and len(value) == 2 and all(_is(end, FieldKind.FIGURE) for end in value)
            )
        case FieldKind.ORDINAL:
            return whole or value is None
        case FieldKind.MAP:
            return isinstance(value, Mapping)
        case FieldKind.NUMBERS:
            return isinstance(value, Mapping) and all(_is(item, FieldKind.NUMBER) for item in value.values())
        case FieldKind.TABLE:
            return isinstance(value, Mapping) and all(_is(item, FieldKind.NUMBERS) for item in value.values())
        case FieldKind.TEXTS:
            return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
        case FieldKind.PAIRS:
            return isinstance(value, list | tuple) and all(
                isinstance(item, list | tuple)
                and len(item) == 2
                and _is(item[0], FieldKind.TEXT)
                and _is(item[1], FieldKind.COUNT)
                for item in value
            )
