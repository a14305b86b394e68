"""The support matrix as a page of the docs."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def page(rows: list[Row]) -> str:
    return ""
