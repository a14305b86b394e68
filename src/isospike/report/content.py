"""Everything that a report shows, as plain data, in order: the page, figures and tables are made from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from isospike.citations import entries
from isospike.comparison import Comparison
from isospike.comparison.tables import cell_table, failed_table, method_table
from isospike.diagnosis import Diagnosis
from isospike.diagnosis.site import site_table
from isospike.report.chart import Chart, Style
from isospike.report.costs import CostsShown, cost_papers, cost_tables, not_counted
from isospike.report.energy import pareto_chart
from isospike.report.raster import Raster
from isospike.report.raster_chart import raster_chart
from isospike.report.scores import score_chart, styles_of
from isospike.report.sites import error_chart, rate_chart, share_chart
from isospike.report.verdict import verdict
from isospike.results import Result
from isospike.tables import Table


@dataclass(frozen=True)
class Content:
    """What was found, ready to be shown."""

    verdict: tuple[str, str]
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    styles: dict[str, Style]
    """The look of every method."""
    missing: tuple[str, ...]
    """What was not given, in words."""
    not_counted: tuple[str, ...]
    """What no cost includes."""
    bibtex: str
    unknown_papers: tuple[str, ...]
    """Keys that no entry was found for."""
    comparison: dict[str, Any]
    diagnosis: dict[str, Any] | None
    costs: dict[str, Any] | None

    def chart(self, name: str) -> Chart | None:
        """A chart by name, where there is one."""
        return next((chart for chart in self.charts if chart.name == name), None)

    def table(self, name: str) -> Table | None:
        """A table by name, where there is one."""
        return next((table for table in self.tables if table.name == name), None)


Given = Result | Mapping[str, Any]
"""A result, or its object as a file has it."""


def plain(given: Given) -> Mapping[str, Any]:
    """The object of JSON."""
    return given if isinstance(given, Mapping) else given.to_dict()


def gather(
    comparison: Given,
    *,
    diagnosis: Given | None = None,
    raster: Raster | None = None,
    costs: Given | None = None,
) -> Content:
    """The content of a report.

    Raises:
        DataError: an object lacks something or holds something else; the message names it.
    """
    compared = Comparison.check(plain(comparison))
    diagnosed = None if diagnosis is None else Diagnosis.check(plain(diagnosis))
    counted = None if costs is None else CostsShown.check(plain(costs))
    papers = [key for cell in compared["cells"] for key in cell["papers"]]
    used = dict.fromkeys([*papers, *(() if counted is None else cost_papers(counted))])
    found = entries(used)
    return Content(
        verdict=verdict(compared),
        charts=_charts(compared, diagnosed, raster),
        tables=_tables(compared, diagnosed, raster, counted),
        styles=styles_of(compared),
        missing=_missing(compared, diagnosed, raster, counted),
        not_counted=() if counted is None else not_counted(counted),
        bibtex="\n\n".join(found.values()),
        unknown_papers=tuple(key for key in used if key not in found),
        comparison=compared,
        diagnosis=diagnosed,
        costs=counted,
    )


def _charts(compared: dict[str, Any], diagnosed: dict[str, Any] | None, raster: Raster | None) -> tuple[Chart, ...]:
    charts = [score_chart(compared), pareto_chart(compared)]
    if diagnosed is not None:
        charts += [error_chart(diagnosed), share_chart(diagnosed), rate_chart(diagnosed)]
    if raster is not None:
        charts.append(raster_chart(raster))
    return tuple(chart for chart in charts if chart is not None)


def _tables(
    compared: dict[str, Any],
    diagnosed: dict[str, Any] | None,
    raster: Raster | None,
    costs: Mapping[str, Any] | None,
) -> tuple[Table, ...]:
    tables: list[Table | None] = [cell_table(compared), method_table(compared), failed_table(compared)]
    if diagnosed is not None:
        tables.append(site_table("All sites", diagnosed["sites"]))
    if raster is not None:
        tables.append(raster.table())
    if costs is not None:
        tables += cost_tables(costs)
    return tuple(table for table in tables if table is not None)


def _missing(
    compared: dict[str, Any],
    diagnosed: dict[str, Any] | None,
    raster: Raster | None,
    costs: Mapping[str, Any] | None,
) -> tuple[str, ...]:
    words = {
        "errors and firing rates by site, and the diagnosis in words: no diagnosis was given": diagnosed,
        "spike raster: no network and image were given": raster,
        "costs by site and op, and what they assume: no costs were given": costs,
        "Pareto front: no cell has both a score and an energy": pareto_chart(compared),
        "score against T: no cell has a score": score_chart(compared),
    }
    return tuple(text for text, value in words.items() if value is None)
