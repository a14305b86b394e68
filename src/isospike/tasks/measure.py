"""Figures of a task: what each is called, its unit, which way is better, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from isospike.options import CountOrZero, Range
from isospike.results import Inner, Result, Shown, Stored
from isospike.tables import Column

Interval = tuple[float, float]
"""The two ends of an interval of 95 %."""
INTERVAL = Shown("95 % interval", "", 1)
"""How intervals are shown, as texts."""
SLACK = 1e-9
"""In units: differences of figures are rounded, a limit that is met exactly must hold."""


@dataclass(frozen=True)
class Measure(Stored):
    """What a figure means and how it is shown."""

    key: str
    """Its name in JSON."""
    name: str
    """Its name as a title."""
    short: str
    """Its name in headings and sentences."""
    unit: str
    """Unit in which it is shown and in which a loss is counted; empty where it has none."""
    rising: bool
    """Whether more is better."""
    perfect: float | None = None
    """The figure of an answer that equals its reference; ``None`` where there is no largest."""
    least: float | None = None
    """The smallest figure there is."""
    most: float | None = None
    """The largest figure there is."""
    factor: Annotated[float, Range()] = 1.0
    """From the figure to its unit."""
    digits: CountOrZero = 2
    """Decimal places."""
    interval: str = "95 % interval"
    """What its interval is called."""

    @property
    def titled(self) -> str:
        """The name with the unit, for an axis."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def in_text(self) -> str:
        """The name within a sentence; names that start with two capitals stay."""
        return self.name if self.name[:2].isupper() else self.name[0].lower() + self.name[1:]

    @property
    def points(self) -> str:
        """What a loss is counted in: points of per cent, else the unit."""
        return "points" if self.unit == "%" else self.unit or f"of {self.short}"

    @property
    def heading(self) -> str:
        """The short name with the unit, for a column."""
        return " ".join(filter(None, (self.short, self.unit)))

    def shown(self, value: float) -> str:
        """``91.73 %``."""
        return f"{self.factor * value:.{self.digits}f} {self.unit}".rstrip()

    def shown_interval(self, interval: Interval | None) -> str | None:
        """``90.6 to 93.0``, in the unit; nothing where there is none."""
        if interval is None:
            return None
        low, high = (f"{self.factor * end:.{max(self.digits - 1, 0)}f}" for end in interval)
        return f"{low} to {high}"

    def goodness(self, value: float) -> float:
        """The figure so that more is better."""
        return value if self.rising else -value

    def loss(self, value: float, reference: float) -> float:
        """How much worse a figure is than another, in units; below 0 where it is better."""
        return self.factor * (self.goodness(reference) - self.goodness(value))

    def within(self, value: float, reference: float, max_drop: float) -> bool:
        """Whether a figure is at most ``max_drop`` units worse than another."""
        return self.loss(value, reference) <= max_drop + SLACK

    def beats(self, value: float, interval: Interval | None, *, chance: float | None) -> bool:
        """Whether a figure is better than chance, both ends of its interval; every one where chance is not known."""
        return chance is None or min(map(self.goodness, interval or (value,))) > self.goodness(chance)

    def column(self, key: str, title: str, unit: str = "") -> Column:
        """A column of such figures."""
        return Column(key, title, unit, self.digits, factor=self.factor)


Metric = Literal["score", "agreement"]
"""By what networks are ranked: the score against targets, or without these the agreement with the ANN."""


class Measures(TypedDict):
    """What the two figures of a network mean."""

    score: Measure
    agreement: Measure


@dataclass(frozen=True)
class Measured(Result):
    """One figure, found on some samples."""

    measure: Inner[Measure]
    """What it means."""
    value: float
    """The figure, without its unit's factor."""
    count: Inner[int]
    """Number of answers that it was found on."""
    interval: Interval | None = None
    """Its interval of 95 %; ``None`` where it is certain or not known."""
    chance: Inner[float | None] = None
    """The figure of a network that knows nothing of its input; ``None`` where it is not known."""

    def __str__(self) -> str:
        """``91.73 % (90.6 to 93.0)``."""
        between = self.measure.shown_interval(self.interval)
        return self.measure.shown(self.value) + (f" ({between})" if between else "")


def read_interval(interval: Any) -> Interval | None:
    """An interval from JSON."""
    return None if interval is None else (float(interval[0]), float(interval[1]))
