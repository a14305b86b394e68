"""What the annotation of a field says besides its type: where it stands in JSON, and how a table shows it.

``spikes: Annotated[float, Shown("Spikes", "/image", 0)]`` says it to JSON, to its check, to the tables and to the docs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any, TypeVar

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Shown:
    """A column of a table; see `isospike.tables.Column`."""

    title: str
    unit: str = ""
    digits: int | None = None
    long: bool = False
    factor: float = 1


@dataclass(frozen=True)
class Before:
    """The key of the column that a column stands before, where it is not shown in the order of the fields."""

    key: str


@dataclass(frozen=True)
class At:
    """Where a value stands in the JSON object: ``At("ann.score")`` is the key ``score`` of the object ``ann``."""

    path: str


class Presence(Enum):
    """When a value stands in JSON."""

    ALWAYS = "always"
    IF_KNOWN = "if known"
    IF_THERE = "if there"
    INNER = "never"
    AMONG = "among"


IfKnown = Annotated[T, Presence.IF_KNOWN]
"""Always written; objects that lack it are read all the same: those of an older version, or of another program."""
IfThere = Annotated[T, Presence.IF_THERE]
"""Written where it is not ``None``."""
Inner = Annotated[T, Presence.INNER]
"""No part of the JSON object: what is derived from it may be."""

Among = Annotated[T, Presence.AMONG]
"""Another result whose keys stand among those of the object itself."""


@dataclass(frozen=True)
class Derived:
    """What a property or method gives to JSON."""

    key: str
    before: str


def derived(key: str = "", *, before: str = "") -> Callable[[F], F]:
    """Decorator of a property's function, or of a method without arguments: what it returns stands in JSON too.

    Args:
        key: where, as in `At`; its name by default.
        before: the key that it stands before; behind all others by default.
    """

    def mark(function: F) -> F:
        setattr(function, MARK, Derived(key or function.__name__, before))
        return function

    return mark


MARK = "_derived"
"""Attribute of a function that `derived` marked."""
