"""The sites of a diagnosis as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from isospike.tables import Column, Table

COLUMNS = (
    Column("site", "Site"),
    Column("clipping_error", "Clipping", "of RMS", 4),
    Column("quantisation_error", "Quantisation", "of RMS", 4),
    Column("unevenness_error", "Unevenness", "of RMS", 4),
    Column("local_error", "Local", "of RMS", 4),
    Column("accumulated_error", "Accumulated", "of RMS", 4),
    Column("rate", "Rate", "/neuron/step", 4),
    Column("silent_channels", "Silent", "channels", 0),
    Column("saturated_channels", "Saturated", "channels", 0),
    Column("channels", "All", "channels", 0),
    Column("spectral_norm", "Spectral norm", "", 3),
    Column("bound", "Bound", "", 3),
    Column("regained", "Regained", "points", 2, factor=100),
)
NOTE = (
    "Errors are root mean squares over that of the ANN's activations. Clipping, quantisation and local error: with the "
    "ANN's own currents; unevenness: in the running network; accumulated: everything, the layers before included. "
    "Regained: what comes back of the metric when this layer is exact. Bound: what the accumulated error cannot exceed."
)


def site_table(title: str, sites: Iterable[Mapping[str, Any]], note: str = NOTE) -> Table:
    """All numbers of every site.

    Args:
        title: above the table.
        sites: the list ``sites`` of ``isospike diagnose --json``.
        note: what to know besides.
    """
    return Table("sites", title, COLUMNS, tuple(tuple(site[column.key] for column in COLUMNS) for site in sites), note)
