"""What the JSON objects of comparisons, diagnoses and accounts must hold; everything wrong is found at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from isospike.errors import DataError
from isospike.json_text import LARGEST, JsonError, parse_json
from isospike.object_check import FieldKind, Schema, faults_in, in_words

FORMAT = 2
"""Version of the object of a comparison."""
MOST_NAMED = 8
"""Faults that a message names; the others are counted."""

CELL: Schema = {
    "label": FieldKind.TEXT,
    "method": FieldKind.TEXT,
    "options": FieldKind.MAP,
    "papers": FieldKind.TEXTS,
    "steps": FieldKind.POSITIVE,
    "score": FieldKind.NUMBER,
    "agreement": FieldKind.FIGURE,
    "interval": FieldKind.INTERVAL,
    **dict.fromkeys(("spikes", "packets", "synops", "macs", "neuron_updates"), FieldKind.NUMBER),
    "energy_pj": FieldKind.NUMBERS,
    "quantised_energy_pj": FieldKind.NUMBERS,
    "conversion_seconds": FieldKind.NUMBER,
    "seconds": FieldKind.NUMBER,
}
MEASURE: Schema = {
    **dict.fromkeys(("key", "name", "short", "unit", "interval"), FieldKind.TEXT),
    "rising": FieldKind.FLAG,
    **dict.fromkeys(("perfect", "least", "most"), FieldKind.NUMBER),
    "factor": FieldKind.FIGURE,
    "digits": FieldKind.COUNT,
}
TASK: Schema = {"name": FieldKind.TEXT, "options": FieldKind.MAP}
COMPARISON: Schema = {
    "format": FieldKind.COUNT,
    "model": {
        "digest": FieldKind.TEXT,
        "sites": FieldKind.COUNT,
        "macs": FieldKind.COUNT,
        "macs_with_padding": FieldKind.COUNT,
    },
    "task": TASK,
    "measures": {"score": MEASURE, "agreement": MEASURE},
    "chance": FieldKind.NUMBER,
    "ann": {"score": FieldKind.NUMBER, "interval": FieldKind.INTERVAL, "energy_pj": FieldKind.NUMBERS},
    "images": FieldKind.POSITIVE,
    "account_images": FieldKind.POSITIVE,
    "calibration_images": FieldKind.ORDINAL,
    "shared": FieldKind.NUMBERS,
    "metric": FieldKind.TEXT,
    "energy_model": FieldKind.TEXT,
    "cells": [CELL],
    "failed": [{"label": FieldKind.TEXT, "steps": FieldKind.ORDINAL, "error": FieldKind.TEXT}],
    "front": FieldKind.PAIRS,
    "command": FieldKind.TEXT,
    "versions": FieldKind.MAP,
    "seed": FieldKind.ORDINAL,
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
    "method": FieldKind.TEXT,
    "steps": FieldKind.COUNT,
    "images": FieldKind.COUNT,
    "metric": FieldKind.TEXT,
    "sites": [{"site": FieldKind.TEXT, **dict.fromkeys(SITE_NUMBERS, FieldKind.NUMBER)}],
    "worst": [{"site": FieldKind.TEXT, "reason": FieldKind.TEXT, "advice": FieldKind.TEXT}],
    "faults": [{"name": FieldKind.TEXT, "fault": FieldKind.TEXT, "advice": FieldKind.TEXT}],
    "verdict": FieldKind.TEXT,
}
COSTS: Schema = {
    "steps": FieldKind.COUNT,
    "images": FieldKind.COUNT,
    "total": FieldKind.NUMBERS,
    "by_site": FieldKind.TABLE,
    "by_op": FieldKind.TABLE,
    "not_counted": FieldKind.TEXTS,
}
ENERGY_MODEL: Schema = {
    "name": FieldKind.TEXT,
    "source": FieldKind.TEXT,
    "mac_pj": FieldKind.NUMBER,
    "ac_pj": FieldKind.NUMBER,
}
MEMORY: Schema = {"network_bytes": FieldKind.COUNT, "set_bytes": FieldKind.NUMBERS, "total_bytes": FieldKind.COUNT}
COSTS_MORE: Schema = {
    "energy_pj": FieldKind.TABLE,
    "energy_models": [ENERGY_MODEL],
    "rivals_pj": FieldKind.TABLE,
    "memory": MEMORY,
}
ACCOUNT: Schema = {
    "images": FieldKind.COUNT,
    "energy_model": ENERGY_MODEL,
    "snn": {
        "*": {
            "total": FieldKind.NUMBERS,
            "by_site": FieldKind.TABLE,
            "by_op": FieldKind.TABLE,
            "energy_pj": FieldKind.NUMBERS,
        }
    },
    "not_counted": FieldKind.TEXTS,
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
    found = list(faults_in(value, schema, ""))
    if isinstance(value, Mapping) and isinstance(more, dict):
        found += faults_in(value, {key: part for key, part in more.items() if key in value}, "")
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
            yield f"{where}{name} is {in_words(value)}, not {' and '.join(ends)}"
