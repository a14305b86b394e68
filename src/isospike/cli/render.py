"""Tables and JSON on the output stream."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from isospike.data import Preprocess
from isospike.tables import Column, Table


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def print_result(table: Table, title: str | None = None) -> None:
    """A table under its own title or another, nothing left out, however wide; then its note, a line for each remark."""
    lines = replace(table, title=title or table.title).text().splitlines()
    click.secho(lines[0], italic=True)
    click.echo("\n".join(lines[1:]))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """A table of texts, the first ``left`` columns flush left, the others right."""
    described = [Column(name, name, digits=None if index < left else 0) for index, name in enumerate(columns)]
    print_result(Table("", title, tuple(described), tuple(map(tuple, rows))))


def in_percent(share: float) -> str:
    """``0.9173`` as ``91.73``."""
    return f"{100 * share:.2f}"


def describe_preprocess(preprocess: Preprocess | None) -> str:
    """How images become inputs, in one line."""
    if preprocess is None:
        return "batches as given"
    size = "as stored" if preprocess.size is None else f"{preprocess.size} px"
    scale = f"pixels x {_factor(preprocess.scale)}"
    return f"size {size}, {scale}, mean {_numbers(preprocess.mean)}, std {_numbers(preprocess.std)}"


def _factor(scale: float) -> str:
    """``1/255`` where the factor is that of a whole number."""
    whole = round(1 / scale)
    return f"1/{whole}" if whole > 1 and math.isclose(scale * whole, 1) else f"{scale:g}"


def _numbers(values: Sequence[float]) -> str:
    return ",".join(f"{value:g}" for value in values)
