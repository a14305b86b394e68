"""A table as plain data: described once, shown as text, as HTML, as CSV and in pandas."""

from __future__ import annotations

import csv
import html
import importlib
import io
import math
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from isospike.errors import OutputError

WIDTH = 100
"""Letters of a line of ``print(result)``."""
ROWS = 40
"""Rows that ``print(result)`` shows; the others are counted."""
CELL = 44
"""Letters of one text in ``print(result)``; the others are left out at its end."""
GAP = "  "
MISSING = "–"


@dataclass(frozen=True)
class Column:
    """One column: what its values are and how they are shown."""

    key: str
    """Heading in a CSV file and in pandas, in which values stand as they are."""
    title: str
    unit: str = ""
    digits: int | None = None
    """Decimal places of numbers that are shown, flush right; ``None`` for text. Texts among numbers stay."""
    long: bool = False
    """Whether its texts fill several lines."""
    factor: float = 1
    """What numbers are multiplied by to be shown in the unit."""

    @property
    def heading(self) -> str:
        """Title and unit."""
        return " ".join(filter(None, (self.title, self.unit)))

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return self.digits is not None

    def shown(self, value: Any) -> str:
        """A value as a reader sees it; a dash where there is none."""
        if isinstance(value, str):
            return value
        if self.digits is None:
            return MISSING if value is None else str(value)
        if not finite(value):
            return MISSING
        scaled = value * self.factor
        if scaled and abs(scaled) < 0.5 * 10**-self.digits:
            return f"{scaled:.2g}"
        return f"{scaled:,.{self.digits}f}"

    def order(self, value: Any) -> str:
        """What rows are sorted by; empty where there is no value."""
        if self.digits is None or isinstance(value, str):
            return "" if value is None else str(value)
        return repr(value) if finite(value) else ""


@dataclass(frozen=True)
class Table:
    """Rows under columns, the most important column first."""

    name: str
    """Of its file and its place in a page."""
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""
    """What to know besides; several remarks are lines."""

    def csv(self) -> str:
        """The table as CSV, numbers with all their digits, empty where there is no value."""
        return csv_text([column.key for column in self.columns], self.rows)

    def text(self, width: int | None = None) -> str:
        """Title, table and note as lines of text.

        Args:
            width: letters of a line. Columns at the right that do not fit are named below, texts and rows that are
                many are cut, so that the whole is short. By default nothing is left out, however wide.
        """
        rows = self.rows if width is None else self.rows[:ROWS]
        cells = [[column.shown(value) for column, value in zip(self.columns, row, strict=True)] for row in rows]
        grid = [[column.heading for column in self.columns], *cells]
        if width is not None:
            grid = [[_cut(text, CELL) for text in line] for line in grid]
        widths = [max(map(len, texts)) for texts in zip(*grid, strict=True)]
        count = _fitting(widths, width)
        lines = [_line(line[:count], widths, self.columns) for line in grid]
        return "\n".join([*_wrapped(self.title, width), *lines, *_wrapped(self._below(rows, count), width)])

    def _below(self, rows: Sequence[Any], count: int) -> str:
        """What stands under the table: what was left out, and the note."""
        left = len(self.rows) - len(rows)
        out = [f"{left} more {'row' if left == 1 else 'rows'}"] if left else []
        if count < len(self.columns):
            out.append(f"not shown: {', '.join(column.title for column in self.columns[count:])}")
        remarks = [f"({'; '.join(out)}: to_pandas() has everything)"] if out else []
        return "\n".join([*remarks, *filter(None, [self.note])])

    def __str__(self) -> str:
        """The table in lines of at most 100 letters."""
        return self.text(WIDTH)

    def _repr_html_(self) -> str:
        """The whole table for a notebook."""
        heads = "".join(f"<th>{html.escape(column.heading)}</th>" for column in self.columns)
        body = "".join(f"<tr>{''.join(self._cells(row))}</tr>" for row in self.rows)
        notes = "".join(f"<p>{html.escape(line)}</p>" for line in self.note.splitlines())
        caption = f"<caption>{html.escape(self.title)}</caption>"
        return f"<table>{caption}<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>{notes}"

    def _cells(self, row: tuple[Any, ...]) -> Iterable[str]:
        for column, value in zip(self.columns, row, strict=True):
            align = ' style="text-align: right"' if column.numeric else ' style="text-align: left"'
            yield f"<td{align}>{html.escape(column.shown(value))}</td>"

    def to_pandas(self) -> Any:
        """The table as a ``pandas.DataFrame``, a column by the key of each, values as they are.

        Raises:
            OutputError: pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise OutputError("pandas cannot be imported; add it with: pip install pandas") from error
        return pandas.DataFrame(list(self.rows), columns=[column.key for column in self.columns])


class Tabular(ABC):
    """A result that is shown as a table: printed, in a notebook, in pandas."""

    @abstractmethod
    def table(self) -> Table:
        """What was found, as a table with all its numbers."""

    def __str__(self) -> str:
        """The table in lines of at most 100 letters."""
        return str(self.table())

    def _repr_html_(self) -> str:
        """The table for a notebook."""
        return self.table()._repr_html_()

    def to_pandas(self) -> Any:
        """The table as a ``pandas.DataFrame``, values as they are.

        Raises:
            OutputError: pandas is not installed.
        """
        return self.table().to_pandas()


def finite(value: object) -> TypeGuard[float]:
    """Whether there is a number to show."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def csv_text(heading: Sequence[str], rows: Iterable[Iterable[Any]]) -> str:
    """Rows as CSV, numbers with all their digits, empty where there is no value."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return text.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value) if finite(value) else ""
    return "" if value is None else value


def _fitting(widths: Sequence[int], width: int | None) -> int:
    """How many columns fit into a line, the first at least."""
    if width is None:
        return len(widths)
    places = [sum(widths[:count]) + len(GAP) * (count - 1) for count in range(1, len(widths) + 1)]
    return max(1, sum(place <= width for place in places))


def _line(texts: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    parts = zip(texts, widths, columns, strict=False)  # columns that do not fit are left out
    return GAP.join(text.rjust(size) if column.numeric else text.ljust(size) for text, size, column in parts).rstrip()


def _cut(text: str, length: int) -> str:
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= length else f"{line[: length - 1]}…"


def _wrapped(text: str, width: int | None) -> list[str]:
    """Lines of at most ``width`` letters."""
    if width is None:
        return text.splitlines()
    return [part for line in text.splitlines() for part in textwrap.wrap(line, width, subsequent_indent="  ") or [""]]
