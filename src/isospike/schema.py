"""What the JSON objects of comparisons, diagnoses and accounts must hold; everything wrong is found at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from isospike.errors import DataError
from isospike.json_text import LARGEST, JsonError, parse_json
from isospike.messages import with_article

FORMAT = 2
"""Version of the object of a comparison."""
MOST_NAMED = 8
"""Faults that a message names; the others are counted."""


class Kind(Enum):
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


Schema = Kind | dict[str, Any] | list[Any]
"""A kind, an object by keys (``*``: any whole numbers, one at least), or a list whose items all have one schema."""

CELL: Schema = {
    "label": Kind.TEXT,
    "method": Kind.TEXT,
    "options": Kind.MAP,
    "papers": Kind.TEXTS,
    "steps": Kind.POSITIVE,
    "score": Kind.NUMBER,
    "agreement": Kind.FIGURE,
    "interval": Kind.INTERVAL,
    **dict.fromkeys(("spikes", "packets", "synops", "macs", "neuron_updates"), Kind.NUMBER),
    "energy_pj": Kind.NUMBERS,
    "quantised_energy_pj": Kind.NUMBERS,
    "conversion_seconds": Kind.NUMBER,
    "seconds": Kind.NUMBER,
}
MEASURE: Schema = {
    **dict.fromkeys(("key", "name", "short", "unit", "interval"), Kind.TEXT),
    "rising": Kind.FLAG,
    **dict.fromkeys(("perfect", "least", "most"), Kind.NUMBER),
    "factor": Kind.FIGURE,
    "digits": Kind.COUNT,
}
TASK: Schema = {"name": Kind.TEXT, "options": Kind.MAP}
COMPARISON: Schema = {
    "format": Kind.COUNT,
    "model": {"digest": Kind.TEXT, "sites": Kind.COUNT, "macs": Kind.COUNT, "macs_with_padding": Kind.COUNT},
    "task": TASK,
    "measures": {"score": MEASURE, "agreement": MEASURE},
    "chance": Kind.NUMBER,
    "ann": {"score": Kind.NUMBER, "interval": Kind.INTERVAL, "energy_pj": Kind.NUMBERS},
    "images": Kind.POSITIVE,
    "account_images": Kind.POSITIVE,
    "calibration_images": Kind.ORDINAL,
    "shared": Kind.NUMBERS,
    "metric": Kind.TEXT,
    "energy_model": Kind.TEXT,
    "cells": [CELL],
    "failed": [{"label": Kind.TEXT, "steps": Kind.ORDINAL, "error": Kind.TEXT}],
    "front": Kind.PAIRS,
    "command": Kind.TEXT,
    "versions": Kind.MAP,
    "seed": Kind.ORDINAL,
}
SITE_NUMBERS = (
    "clipping_error",
    "quantisation_error",
    "unevenness_error",
    "local_error",
    "accumulated_error",
    "rate",
    "silent_channels",
    "saturated_channels",
    "channels",
    "spectral_norm",
    "bound",
    "regained",
)
DIAGNOSIS: Schema = {
    "method": Kind.TEXT,
    "steps": Kind.COUNT,
    "images": Kind.COUNT,
    "metric": Kind.TEXT,
    "sites": [{"site": Kind.TEXT, **dict.fromkeys(SITE_NUMBERS, Kind.NUMBER)}],
    "worst": [{"site": Kind.TEXT, "reason": Kind.TEXT, "advice": Kind.TEXT}],
    "faults": [{"name": Kind.TEXT, "fault": Kind.TEXT, "advice": Kind.TEXT}],
    "verdict": Kind.TEXT,
}
COSTS: Schema = {
    "steps": Kind.COUNT,
    "images": Kind.COUNT,
    "total": Kind.NUMBERS,
    "by_site": Kind.TABLE,
    "by_op": Kind.TABLE,
    "not_counted": Kind.TEXTS,
}
ENERGY_MODEL: Schema = {"name": Kind.TEXT, "source": Kind.TEXT, "mac_pj": Kind.NUMBER, "ac_pj": Kind.NUMBER}
MEMORY: Schema = {"network_bytes": Kind.COUNT, "set_bytes": Kind.NUMBERS, "total_bytes": Kind.COUNT}
COSTS_MORE: Schema = {
    "energy_pj": Kind.TABLE,
    "energy_models": [ENERGY_MODEL],
    "rivals_pj": Kind.TABLE,
    "memory": MEMORY,
}
ACCOUNT: Schema = {
    "images": Kind.COUNT,
    "energy_model": ENERGY_MODEL,
    "snn": {"*": {"total": Kind.NUMBERS, "by_site": Kind.TABLE, "by_op": Kind.TABLE, "energy_pj": Kind.NUMBERS}},
    "not_counted": Kind.TEXTS,
}
ACCOUNT_MORE: Schema = {"memory": MEMORY}
SOURCES: dict[str, tuple[Schema, Schema]] = {
    "comparison": (COMPARISON, {}),
    "cell": (CELL, {}),
    "diagnosis": (DIAGNOSIS, {}),
    "costs": (COSTS, COSTS_MORE),
    "account": (ACCOUNT, ACCOUNT_MORE),
}
"""What each object holds, and what it may hold."""


def check(value: Any, what: str) -> dict[str, Any]:
    """``value`` if it is a whole comparison, cell of one, diagnosis or account of costs.

    Raises:
        DataError: keys are missing or hold something else; the message names them. Or a comparison of another format.
    """
    schema, more = SOURCES[what]
    if what == "comparison" and isinstance(value, Mapping) and value.get("format", FORMAT) != FORMAT:
        raise DataError(
            f"no {what} of format {FORMAT} but of {value['format']!r:.20}: read it with the version of isospike that "
            "wrote it, or compare again"
        )
    found = list(_faults(value, schema, ""))
    if isinstance(value, Mapping) and isinstance(more, dict):
        found += _faults(value, {key: part for key, part in more.items() if key in value}, "")
    if what == "comparison" and not found:
        found = list(_contradictions(value))
    if found:
        rest = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
        raise DataError(f"no {what}: {'; '.join(found[:MOST_NAMED])}{rest}; docs/report.md says what it holds")
    return dict(value)


def read_json(path: str | Path) -> Any:
    """What a JSON file holds.

    Raises:
        DataError: there is no such file, or it is no JSON.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # a path may hold a zero byte
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        return parse_json(content)
    except JsonError as error:
        raise DataError(f"{path} is no JSON: {error}") from error


def read(path: str | Path, what: str) -> dict[str, Any]:
    """The comparison, diagnosis or account of costs in a file.

    Raises:
        DataError: it cannot be read, or is something else.
    """
    value = read_json(path)
    try:
        return check(value, what)
    except DataError as error:
        raise DataError(f"{path} is {error}") from error


def _contradictions(compared: Mapping[str, Any]) -> Iterator[str]:
    """What cannot be true of a comparison whose parts are each of the right kind."""
    metric, labelled = compared["metric"], compared["ann"]["score"] is not None
    if metric != ("score" if labelled else "agreement"):
        yield f"metric is '{metric}' where ann.score is {'known' if labelled else 'null'}"
    yield from _impossible(compared["ann"], compared["measures"], "ann.")
    cells = {(cell["label"], cell["steps"]) for cell in compared["cells"]}
    yield from (f"front names {one!r}, which is no cell" for one in compared["front"] if tuple(one) not in cells)
    for index, cell in enumerate(compared["cells"]):
        yield from _impossible(cell, compared["measures"], f"cells[{index}].")
        if (cell["score"] is not None) != labelled:
            yield f"cells[{index}].score is {'null' if labelled else 'known'} where that of the ANN is not"


def _impossible(figures: Mapping[str, Any], measures: Mapping[str, Any], where: str) -> Iterator[str]:
    """Figures outside the range that their measure has."""
    for name, measure in measures.items():
        value, least, most = figures.get(name), measure["least"], measure["most"]
        if value is not None and ((least is not None and value < least) or (most is not None and value > most)):
            ends = [f"at least {least:g}"] * (least is not None) + [f"at most {most:g}"] * (most is not None)
            yield f"{where}{name} is {_shown(value)}, not {' and '.join(ends)}"


def _faults(value: Any, schema: Schema, where: str) -> Iterator[str]:
    """What is wrong with a value, outermost first."""
    if isinstance(schema, Kind):
        if not _is(value, schema):
            yield f"{where} is {_shown(value)}, not {schema.value}"
    elif isinstance(schema, list):
        if not isinstance(value, list):
            yield f"{where} is {with_article(value)}, not a list"
            return
        for index, item in enumerate(value):
            yield from _faults(item, schema[0], f"{where}[{index}]")
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
            yield from _faults(value[key], schema[key], f"{prefix}{key}")


def _shown(value: Any) -> str:
    """A number itself, of everything else its kind."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else with_article(value)


def _is(value: Any, kind: Kind) -> bool:
    number = value is None or (isinstance(value, int | float) and not isinstance(value, bool))
    whole = isinstance(value, int) and not isinstance(value, bool)
    match kind:
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.NUMBER:
            return number
        case Kind.COUNT:
            return whole
        case Kind.POSITIVE:
            return whole and value >= 1
        case Kind.FIGURE:
            return number and value is not None
        case Kind.FLAG:
            return isinstance(value, bool)
        case Kind.INTERVAL:
            return value is None or (
                isinstance(value, list | tuple) and len(value) == 2 and all(_is(end, Kind.FIGURE) for end in value)
            )
        case Kind.ORDINAL:
            return whole or value is None
        case Kind.MAP:
            return isinstance(value, Mapping)
        case Kind.NUMBERS:
            return isinstance(value, Mapping) and all(_is(item, Kind.NUMBER) for item in value.values())
        case Kind.TABLE:
            return isinstance(value, Mapping) and all(_is(item, Kind.NUMBERS) for item in value.values())
        case Kind.TEXTS:
            return isinstance(value, list | tuple) and all(isinstance(item, str) for item in value)
        case Kind.PAIRS:
            return isinstance(value, list | tuple) and all(
                isinstance(item, list | tuple)
                and len(item) == 2
                and _is(item[0], Kind.TEXT)
                and _is(item[1], Kind.COUNT)
                for item in value
            )
