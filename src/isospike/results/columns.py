"""The columns of a table of results, from what their fields say."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isospike.results.members import members_of, place_before
from isospike.tables import Column


def columns_of(kind: type[Any], **replaced: Column) -> tuple[Column, ...]:
    """The columns of a result: its fields that are shown, in order.

    Args:
        kind: the result.
        replaced: by key, columns that depend on more than the field: on the unit of an energy or of a task's figure.
    """
    found: list[Column] = []
    for member in sorted(
        members_of(kind), key=lambda member: member.before != ""
    ):  # those in order of the fields first
        if member.shown is not None:
            how = member.shown
            column = Column(member.key, how.title, how.unit, how.digits, long=how.long, factor=how.factor)
            place = place_before(member.before, [one.key for one in found])
            found.insert(place, replaced.get(member.key, column))
    return tuple(found)


def row_of(columns: Sequence[Column], result: Any) -> tuple[Any, ...]:
    """The values of a result under columns."""
    return tuple(getattr(result, column.key) for column in columns)
