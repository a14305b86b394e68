"""What a value of a JSON object must be, for the check, for reading and for the docs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from isospike.messages import with_article
from isospike.options.forms import Form, Words

LONGEST_NAME = 40
"""Letters of a key of an object, or of a word, that a message shows."""


@dataclass(frozen=True)
class JsonForm(ABC):
    """What a value must be."""

    nullable: bool = field(default=False, kw_only=True)
    """Whether it may be null."""

    @property
    @abstractmethod
    def noun(self) -> str:
        """What it must be, but for null: ``a list``."""

    @abstractmethod
    def fits(self, value: Any) -> bool:
        """Whether a value is such a one, whatever is inside."""

    @abstractmethod
    def bare_schema(self) -> dict[str, Any]:
        """The JSON Schema of the values but null."""

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the values."""
        return {"anyOf": [self.bare_schema(), {"type": "null"}]} if self.nullable else self.bare_schema()

    def inside(self, value: Any, where: str) -> Iterator[str]:
        """What is wrong inside of a value that fits."""
        return iter(())

    def read(self, value: Any) -> Any:
        """A value that is right and not null, as a result holds it."""
        return value

    @property
    def words(self) -> str:
        """What it must be, as a message says it."""
        return f"{self.noun} or null" if self.nullable else self.noun

    def faults(self, value: Any, where: str) -> Iterator[str]:
        """What is wrong with a value, outermost first."""
        if value is None and self.nullable:
            return
        if self.fits(value):
            yield from self.inside(value, where)
        else:
            yield f"{where or 'it'} is {self.told(value)}, not {self.words}"

    def told(self, value: Any) -> str:
        """A wrong value in words: its type."""
        return with_article(value)

    def taken(self, value: Any) -> Any:
        """A value that is right, as a result holds it."""
        return None if value is None else self.read(value)


@dataclass(frozen=True)
class Leaf(JsonForm):
    """A text, a number, or what else the options of a configuration may be."""

    form: Form

    @property
    def noun(self) -> str:
        """``a whole number of at least 1``."""
        return self.form.words

    def fits(self, value: Any) -> bool:
        """Whether it fits the form."""
        return self.form.fits(value)

    def bare_schema(self) -> dict[str, Any]:
        """That of the form."""
        return self.form.schema()

    def told(self, value: Any) -> str:
        """A number itself, and a word where another was expected."""
        if isinstance(self.form, Words) and isinstance(value, str):
            return f"{value[:LONGEST_NAME]!r}"
        return in_words(value)


@dataclass(frozen=True)
class Figure(JsonForm):
    """A number that may not be known: null in JSON."""

    unknown: float | None
    """What stands for null in a result: ``None``, or NaN in a field of type ``float``."""

    @property
    def noun(self) -> str:
        """A number."""
        return "a number"

    def fits(self, value: Any) -> bool:
        """Whether it is one; NaN too, which Python has."""
        return isinstance(value, int | float) and not isinstance(value, bool)

    def bare_schema(self) -> dict[str, Any]:
        """A number."""
        return {"type": "number"}

    def taken(self, value: Any) -> Any:
        """The number."""
        return self.unknown if value is None else value


@dataclass(frozen=True)
class Anything(JsonForm):
    """Whatever JSON can hold."""

    @property
    def noun(self) -> str:
        """Anything."""
        return "anything"

    def fits(self, value: Any) -> bool:
        """It does."""
        return True

    def bare_schema(self) -> dict[str, Any]:
        """Nothing is asked."""
        return {}


def in_words(value: Any) -> str:
    """A number itself, of everything else its type."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else with_article(value)


def named(key: Any) -> str:
    """A key of an object in one line."""
    text = str(key)[:LONGEST_NAME]
    return text if text.isprintable() else repr(text)
