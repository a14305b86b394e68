"""Tables and JSON on the output stream."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from isospike.data import Preprocess


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """A title and a table whose first ``left`` columns are text, the others numbers; neither is cut, however wide."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for index, column in enumerate(columns):
        table.add_column(column, justify="left" if index < left else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        needed = Console(width=10_000).measure(table).maximum
        console = Console(highlight=False, markup=False, width=max(80, needed))
    console.print(title, style="italic", soft_wrap=True)
    console.print(table)


def percent(share: float) -> str:
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
