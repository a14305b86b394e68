"""The form of an option: what its type and range say, for the check, the command line, the schema and the docs."""

from __future__ import annotations

import math
import numbers
import types
import typing
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeGuard

from isospike.options.ranges import OneOf, Range, Some


class Form(ABC):
    """What values an option takes."""

    @abstractmethod
    def fits(self, value: object) -> bool:
        """Whether a value has this form."""

    def read(self, value: Any) -> Any:
        """A value that fits, as it is kept.

        Raises:
            UnknownNameError: no entry of the registry has this name.
        """
        return value

    @property
    @abstractmethod
    def words(self) -> str:
        """What a value must be, as a message says it."""

    @property
    def plural(self) -> str:
        """What the items of a list must be."""
        return f"a list, each {self.words}"

    @property
    def range(self) -> str:
        """What a value must be besides its type, as help says it; empty: any of its type."""
        return ""

    @abstractmethod
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the values."""


@dataclass(frozen=True)
class Number(Form):
    """Numbers, whole ones where ``kind`` is int; a truth value is none, those of numpy become Python's."""

    kind: type[int] | type[float]
    bounds: Range | None = None

    def fits(self, value: object) -> bool:
        """Whether it is such a number within the bounds."""
        if self.kind is int:
            return is_whole(value) and self._inside(value)
        return is_number(value) and self._inside(value)

    def _inside(self, value: float) -> bool:
        return self.bounds is None or self.bounds.holds(value)

    def read(self, value: Any) -> float:
        """An int or a float."""
        return self.kind(value)

    @property
    def words(self) -> str:
        """``a whole number from 1 to 16``, ``a finite number above 0``."""
        described = self._described("number")
        return f"{'an' if described[0] in 'aeiou' else 'a'} {described}"

    @property
    def plural(self) -> str:
        """``whole numbers of at least 1``."""
        return self._described("numbers")

    def _described(self, noun: str) -> str:
        bounds = Range() if self.bounds is None else self.bounds
        kind = bounds.kind or ("whole" if self.kind is int else "" if bounds.closed else "finite")
        counted = f"{kind} {noun} of {bounds.unit}" if bounds.unit else f"{kind} {noun}"
        join = (", " if bounds.unit else " of ") if bounds.words.startswith("at least") else " "
        return f"{counted}{join}{bounds.words}".strip()

    @property
    def range(self) -> str:
        """The bounds."""
        return "" if self.bounds is None else " ".join(filter(None, (self.bounds.kind, self.bounds.words)))

    def schema(self) -> dict[str, Any]:
        """An integer or a number with its bounds."""
        bounds = {} if self.bounds is None else self.bounds.schema()
        return {"type": "integer" if self.kind is int else "number", **bounds}


@dataclass(frozen=True)
class Flag(Form):
    """True or false."""

    def fits(self, value: object) -> bool:
        """Whether it is one of them."""
        return isinstance(value, bool)

    @property
    def words(self) -> str:
        """Both."""
        return "true or false"

    def schema(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Word(Form):
    """A text, or a name of a registry."""

    rule: OneOf | Some | None = None

    def fits(self, value: object) -> bool:
        """Whether it is a text, and not an empty one where it may not be."""
        return isinstance(value, str) and (not isinstance(self.rule, Some) or self.rule.holds(value.strip()))

    def read(self, value: str) -> str:
        """The text, if the registry knows it."""
        if isinstance(self.rule, OneOf):
            self.rule.registry[value]
        return value

    @property
    def words(self) -> str:
        """A name or a text."""
        return "a name" if isinstance(self.rule, OneOf) else "a text"

    @property
    def range(self) -> str:
        """The names."""
        return ", ".join(self.rule.registry) if isinstance(self.rule, OneOf) else ""

    def schema(self) -> dict[str, Any]:
        """A string, of the registry's names."""
        return {"type": "string", **({"enum": list(self.rule.registry)} if isinstance(self.rule, OneOf) else {})}


@dataclass(frozen=True)
class Words(Form):
    """One of a closed set of words."""

    known: tuple[str, ...]

    def fits(self, value: object) -> bool:
        """Whether it is one of them."""
        return isinstance(value, str) and value in self.known

    @property
    def words(self) -> str:
        """All of them."""
        return " or ".join(self.known)

    def schema(self) -> dict[str, Any]:
        """An enumeration."""
        return {"enum": list(self.known)}


@dataclass(frozen=True)
class Nothing(Form):
    """None."""

    def fits(self, value: object) -> bool:
        """Whether it is None."""
        return value is None

    @property
    def words(self) -> str:
        """None."""
        return "None"

    def schema(self) -> dict[str, Any]:
        """Null."""
        return {"type": "null"}


@dataclass(frozen=True)
class Many(Form):
    """Several values of one form; a list, as JSON has it, is kept as a tuple."""

    item: Form
    rule: Some | None = None

    def fits(self, value: object) -> bool:
        """Whether every item fits, and they keep the rule."""
        if not isinstance(value, tuple | list) or not all(map(self.item.fits, value)):
            return False
        return self.rule is None or self.rule.holds(value)

    def read(self, value: Any) -> tuple[Any, ...]:
        """A tuple."""
        return tuple(map(self.item.read, value))

    @property
    def words(self) -> str:
        """``rising whole numbers of at least 1``."""
        return " ".join(filter(None, ("" if self.rule is None else self.rule.kind, self.item.plural)))

    @property
    def range(self) -> str:
        """That of the items, and what they do."""
        return ", ".join(filter(None, ("" if self.rule is None else self.rule.kind, self.item.range)))

    def schema(self) -> dict[str, Any]:
        """An array."""
        least = {} if self.rule is None else {"minItems": 1}
        return {"type": "array", "items": self.item.schema(), **least}


@dataclass(frozen=True)
class Either(Form):
    """Values of any of several forms."""

    parts: tuple[Form, ...]

    def fits(self, value: object) -> bool:
        """Whether it fits one of them."""
        return any(part.fits(value) for part in self.parts)

    def read(self, value: Any) -> Any:
        """As the first form keeps it that it fits."""
        return next(part for part in self.parts if part.fits(value)).read(value)

    @property
    def words(self) -> str:
        """All of them but None, which an option is that was left out; a list of what it may be is ``several``."""
        listed = [part.item for part in self.parts if isinstance(part, Many)]
        several = any(item in self.parts for item in listed)
        left = [part for part in self.parts if not (isinstance(part, Nothing) or (several and isinstance(part, Many)))]
        return ", or ".join([*(part.words for part in left), *(["several"] if several else [])])

    @property
    def range(self) -> str:
        """Those of the parts, each once."""
        return ", ".join(dict.fromkeys(part.range for part in self.parts if part.range))

    def schema(self) -> dict[str, Any]:
        """Any of them."""
        return {"anyOf": [part.schema() for part in self.parts]}


@dataclass(frozen=True)
class Instance(Form):
    """Objects of a class, such as another configuration."""

    kind: type

    def fits(self, value: object) -> bool:
        """Whether it is such an object."""
        return isinstance(value, self.kind)

    @property
    def words(self) -> str:
        """The name of the class."""
        return f"a {self.kind.__name__}"

    def schema(self) -> dict[str, Any]:
        """An object."""
        return {"type": "object"}


def form_of(hint: Any) -> Form:
    """The form that a type hint describes."""
    hint, *marks = typing.get_args(hint) if typing.get_origin(hint) is Annotated else (hint,)
    rule: Any = next((mark for mark in marks if isinstance(mark, Range | OneOf | Some)), None)
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        return Either(tuple(map(form_of, typing.get_args(hint))))
    if origin is Literal:
        return Words(typing.get_args(hint))
    if origin is tuple:
        return Many(form_of(typing.get_args(hint)[0]), rule)
    plain = {int: Number(int, rule), float: Number(float, rule), bool: Flag(), str: Word(rule), type(None): Nothing()}
    return plain[hint] if hint in plain else Instance(origin or hint)


def is_whole(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number; a truth value is none."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a finite real number; a truth value is none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number larger than every float
        return False
