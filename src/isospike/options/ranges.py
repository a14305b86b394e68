"""What a value of an option may be, declared once beside the type of its field.

``bits: Annotated[int, Range(1, 16)] = 4`` says it to the check, the command line, the JSON schema and the docs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

Bound = float | None


@dataclass(frozen=True)
class Range:
    """Numbers between two bounds; a bound that is left out is infinite, and infinity itself is no number.

    ``Range(1, 16)`` and ``Range(1)`` hold their bounds, ``Range(0, below=1)`` and ``Range(above=0)`` do not.
    """

    least: Bound = None
    most: Bound = None
    above: Bound = field(default=None, kw_only=True)
    below: Bound = field(default=None, kw_only=True)
    unit: str = field(default="", kw_only=True)
    """What the number counts, as messages and help say it."""

    def holds(self, number: float) -> bool:
        """Whether a finite number lies between the bounds."""
        return (
            (self.least is None or number >= self.least)
            and (self.most is None or number <= self.most)
            and (self.above is None or number > self.above)
            and (self.below is None or number < self.below)
        )

    @property
    def closed(self) -> bool:
        """Whether there are bounds on both sides."""
        return (self.least, self.above) != (None, None) and (self.most, self.below) != (None, None)

    @property
    def kind(self) -> str:
        """What the numbers are besides whole, e.g. even; nothing in particular."""
        return ""

    @property
    def words(self) -> str:
        """The bounds in words: ``from 1 to 16``, ``at least 1``, ``above 0 and at most 100``."""
        low = "" if self.least is None else _written(self.least)
        if low and self.most is not None:
            return f"from {low} to {_written(self.most)}"
        if low and self.below is not None:
            return f"from {low} to below {_written(self.below)}"
        bounds = {"at least": self.least, "above": self.above, "at most": self.most, "below": self.below}
        return " and ".join(f"{word} {_written(bound)}" for word, bound in bounds.items() if bound is not None)

    def schema(self) -> dict[str, Any]:
        """The bounds as JSON Schema has them."""
        lower = {"minimum": self.least, "exclusiveMinimum": self.above}
        upper = {"maximum": self.most, "exclusiveMaximum": self.below}
        return {key: bound for key, bound in (lower | upper).items() if bound is not None}


@dataclass(frozen=True)
class Even(Range):
    """Even numbers between two bounds."""

    def holds(self, number: float) -> bool:
        """Whether a number is even and lies between the bounds."""
        return number % 2 == 0 and super().holds(number)

    @property
    def kind(self) -> str:
        """Even."""
        return "even"

    def schema(self) -> dict[str, Any]:
        """The bounds, and multiples of two."""
        return {**super().schema(), "multipleOf": 2}


class Collection(Protocol):
    """Entries by name that refuse an unknown one, such as a registry."""

    def __iter__(self) -> Iterator[str]: ...

    def __getitem__(self, name: str, /) -> object: ...


@dataclass(frozen=True)
class OneOf:
    """The names of a registry, those of extensions too; the registry refuses any other."""

    registry: Collection


@dataclass(frozen=True)
class Some:
    """At least one item."""

    def holds(self, items: Sequence[Any]) -> bool:
        """Whether there is an item."""
        return len(items) > 0

    @property
    def kind(self) -> str:
        """What the items do besides."""
        return ""


@dataclass(frozen=True)
class Rising(Some):
    """At least one item, each larger than the one before."""

    def holds(self, items: Sequence[Any]) -> bool:
        """Whether there are items, and they rise."""
        return super().holds(items) and list(items) == sorted(set(items))

    @property
    def kind(self) -> str:
        """They rise."""
        return "rising"


def _written(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"


Count = Annotated[int, Range(1)]
"""A whole number of at least 1."""
CountOrZero = Annotated[int, Range(0)]
"""A whole number of at least 0."""
Positive = Annotated[float, Range(above=0)]
"""A finite number above 0."""
NotNegative = Annotated[float, Range(0)]
"""A finite number of at least 0."""
Share = Annotated[float, Range(0, 1)]
"""A part of something, nothing and everything included."""
Part = Annotated[float, Range(above=0, most=1)]
"""A part of something, everything included."""
Decay = Annotated[float, Range(0, below=1)]
"""A part of something, nothing included."""
Percent = Annotated[float, Range(above=0, most=100)]
"""Percent, above 0 and at most 100."""
Text = Annotated[str, Some()]
"""A text that is not empty."""
MOST_STEPS = 1_000_000
"""Above it a number of steps is a slip of the keyboard: no rate code has errors that small."""
Steps = Annotated[int, Range(1, MOST_STEPS)]
"""A number of steps T."""
