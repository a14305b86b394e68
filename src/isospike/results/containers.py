"""Forms of JSON that hold others: lists, objects by name, objects of other results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from isospike.results.forms import Figure, JsonForm, named


@dataclass(frozen=True)
class Listed(JsonForm):
    """Several of one form."""

    item: JsonForm

    @property
    def noun(self) -> str:
        """A list."""
        return "a list"

    def fits(self, value: Any) -> bool:
        """Whether it is a list."""
        return isinstance(value, list | tuple)

    def bare_schema(self) -> dict[str, Any]:
        """An array."""
        return {"type": "array", "items": self.item.schema()}

    def inside(self, value: Any, where: str) -> Iterator[str]:
        """By the place in the list."""
        for index, item in enumerate(value):
            yield from self.item.faults(item, f"{where}[{index}]")

    def read(self, value: Any) -> tuple[Any, ...]:
        """A tuple."""
        return tuple(map(self.item.taken, value))


@dataclass(frozen=True)
class Fixed(JsonForm):
    """As many values as there are forms."""

    items: tuple[JsonForm, ...]

    @property
    def noun(self) -> str:
        """``[a finite number, a finite number]``."""
        return f"[{', '.join(item.words for item in self.items)}]"

    def fits(self, value: Any) -> bool:
        """Whether it is such a list."""
        if not isinstance(value, list | tuple) or len(value) != len(self.items):
            return False
        return not any(True for form, item in zip(self.items, value, strict=True) for _ in form.faults(item, ""))

    def bare_schema(self) -> dict[str, Any]:
        """An array of this length."""
        count = len(self.items)
        items = [item.schema() for item in self.items]
        return {"type": "array", "prefixItems": items, "minItems": count, "maxItems": count}

    def read(self, value: Any) -> tuple[Any, ...]:
        """A tuple."""
        return tuple(form.taken(item) for form, item in zip(self.items, value, strict=True))


@dataclass(frozen=True)
class Mapped(JsonForm):
    """Values of one form by name, or by a whole number; a figure that is null is left out of a result."""

    key: type
    item: JsonForm
    needed: bool = False
    """Whether there must be one at least."""

    @property
    def noun(self) -> str:
        """An object."""
        return "an object"

    def fits(self, value: Any) -> bool:
        """Whether it is an object."""
        return isinstance(value, Mapping)

    def bare_schema(self) -> dict[str, Any]:
        """An object with keys of any name, or with whole numbers as keys."""
        keys = {"propertyNames": {"pattern": "^[0-9]+$"}} if self.key is int else {}
        return {"type": "object", "additionalProperties": self.item.schema(), **keys, "minProperties": int(self.needed)}

    def inside(self, value: Any, where: str) -> Iterator[str]:
        """By key."""
        wrong = [named(key) for key in value if self.key is int and not str(key).isdecimal()]
        if wrong:
            yield f"{where} has {', '.join(wrong)} in the place of whole numbers"
        if self.needed and not value:
            yield f"{where} has no keys"
        for key, item in value.items():
            yield from self.item.faults(item, f"{where}.{named(key)}")

    def read(self, value: Any) -> dict[Any, Any]:
        """By key, those that are known."""
        known = {key: item for key, item in value.items() if item is not None or not isinstance(self.item, Figure)}
        return {self.key(key): self.item.taken(item) for key, item in known.items()}


@dataclass(frozen=True)
class Keyed(JsonForm):
    """An object with keys of its own; others are left alone."""

    keys: Mapping[str, JsonForm]
    optional: frozenset[str] = frozenset()
    """Keys that it may lack."""

    @property
    def noun(self) -> str:
        """An object."""
        return "an object"

    def fits(self, value: Any) -> bool:
        """Whether it is an object."""
        return isinstance(value, Mapping)

    def bare_schema(self) -> dict[str, Any]:
        """An object with these keys and others."""
        properties = {key: form.schema() for key, form in self.keys.items()}
        return {
            "type": "object",
            "properties": properties,
            "required": [key for key in properties if key not in self.optional],
        }

    def inside(self, value: Any, where: str) -> Iterator[str]:
        """All keys that it lacks, then by key."""
        prefix = f"{where}." if where else ""
        lacking = [f"{prefix}{key}" for key in self.keys if key not in value and key not in self.optional]
        if lacking:
            yield f"it lacks {', '.join(lacking)}"
        for key, form in self.keys.items():
            if key in value:
                yield from form.faults(value[key], f"{prefix}{key}")

    def read(self, value: Any) -> dict[str, Any]:
        """Those of its keys that are there."""
        return {key: form.taken(value[key]) for key, form in self.keys.items() if key in value}


class Described(Protocol):
    """A class whose objects are described: a `Result`."""

    @classmethod
    def json_form(cls) -> Keyed:
        """What its object must hold."""
        ...

    @classmethod
    def made_of(cls, values: Mapping[str, Any]) -> Any:
        """From an object that was checked."""
        ...


@dataclass(frozen=True)
class Nested(JsonForm):
    """The object of another result."""

    kind: type[Described]

    @property
    def noun(self) -> str:
        """An object."""
        return "an object"

    def fits(self, value: Any) -> bool:
        """Whether it is an object."""
        return isinstance(value, Mapping)

    def bare_schema(self) -> dict[str, Any]:
        """That of the other result."""
        return self.kind.json_form().schema()

    def inside(self, value: Any, where: str) -> Iterator[str]:
        """As the other result is described."""
        return self.kind.json_form().inside(value, where)

    def read(self, value: Any) -> Any:
        """The other result."""
        return self.kind.made_of(value)


@dataclass(frozen=True)
class OneOfForms(JsonForm):
    """Values of any of several forms."""

    forms: tuple[JsonForm, ...]

    @property
    def noun(self) -> str:
        """All of them."""
        return " or ".join(dict.fromkeys(form.noun for form in self.forms))

    def fits(self, value: Any) -> bool:
        """Whether one of them finds no fault."""
        return any(not list(form.faults(value, "")) for form in self.forms)

    def bare_schema(self) -> dict[str, Any]:
        """Any of them."""
        return {"anyOf": [form.schema() for form in self.forms]}
