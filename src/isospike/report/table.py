"""A table as plain data: shown in the page, written as CSV."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Any

from isospike.report.chart import Chart, finite


@dataclass(frozen=True)
class Column:
    """One column: what its values are and how the page shows them."""

    key: str
    """Heading in the CSV file, in which values stand as they are."""
    title: str
    unit: str = ""
    digits: int | None = None
    """Decimal places of numbers in the page; ``None`` for text."""
    long: bool = False
    """Whether its texts fill several lines."""
    factor: float = 1
    """What numbers are multiplied by for the page, to be in the unit."""

    @property
    def heading(self) -> str:
        """Title and unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    @property
    def numeric(self) -> bool:
        """Whether it holds numbers."""
        return self.digits is not None

    def shown(self, value: Any) -> str:
        """A value as the page shows it; a dash where there is none."""
        if self.digits is None:
            return "–" if value is None else str(value)
        if not finite(value):
            return "–"
        scaled = value * self.factor
        if scaled and abs(scaled) < 0.5 * 10**-self.digits:
            return f"{scaled:.2g}"
        return f"{scaled:,.{self.digits}f}"

    def order(self, value: Any) -> str:
        """What rows are sorted by; empty where there is no value."""
        if self.digits is None:
            return "" if value is None else str(value)
        return repr(value) if finite(value) else ""


@dataclass(frozen=True)
class Table:
    """Rows under columns."""

    name: str
    """Of its file and its place in the page."""
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    note: str = ""

    def csv(self) -> str:
        """The table as CSV, numbers with all their digits, empty where there is no value."""
        return _csv([column.key for column in self.columns], self.rows)


def chart_csv(chart: Chart) -> str:
    """The values of a chart as CSV: series, x, y."""
    rows = [
        (series.name, x, y) for series in chart.series for x, y in zip(series.x, series.y, strict=True) if y is not None
    ]
    return _csv(["series", chart.x.title, chart.y.title], rows)


def _csv(heading: list[str], rows: Any) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows([_plain(value) for value in row] for row in rows)
    return text.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return repr(value) if finite(value) else ""
    return "" if value is None else value
