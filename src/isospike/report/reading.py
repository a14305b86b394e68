"""What a report is made of, read from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from isospike.comparison import Comparison
from isospike.costs.accounted import Account
from isospike.diagnosis import Diagnosis
from isospike.report.costs import CostsShown
from isospike.results import Result

SOURCES: dict[str, type[Result]] = {kind.noun(): kind for kind in (Comparison, Diagnosis, CostsShown, Account)}
"""What can be read, by name."""


def read(path: str | Path, what: str) -> dict[str, Any]:
    """The JSON object of a comparison, a diagnosis, costs or an account in a file.

    Raises:
        DataError: it cannot be read, or is something else.
    """
    return SOURCES[what].read(path)
