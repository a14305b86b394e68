"""What all results have in common: a JSON object, and what it must hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from isospike.errors import DataError
from isospike.json_text import read_json
from isospike.registry import kebab_case
from isospike.results.containers import Keyed
from isospike.results.marks import Presence
from isospike.results.members import members_of, object_form
from isospike.results.writing import as_json

MOST_NAMED = 8
"""Faults that a message names; the others are counted."""
_MISSING = object()


class Result:
    """Base of frozen dataclasses that were found out, and whose fields say what they are, see `isospike.results.marks`.

    A subclass whose figures depend on each other says in `contradictions` what cannot be.
    """

    @classmethod
    def noun(cls) -> str:
        """What messages call it: the class name."""
        return kebab_case(cls.__name__).replace("-", " ")

    @classmethod
    def json_form(cls) -> Keyed:
        """What its JSON object must hold."""
        return object_form(cls)

    @classmethod
    def schema(cls) -> dict[str, Any]:
        """The JSON Schema of its object."""
        return cls.json_form().schema()

    @classmethod
    def contradictions(cls, values: Mapping[str, Any]) -> Iterator[str]:
        """What cannot be true of an object whose parts are each of the right kind."""
        return iter(())

    @classmethod
    def check(cls, value: Any) -> dict[str, Any]:
        """``value`` if it is the JSON object of such a result; keys besides are left alone.

        Raises:
            DataError: keys are missing or hold something else; the message names all.
        """
        found = list(cls.json_form().faults(value, "")) or list(cls.contradictions(value))
        if found:
            rest = f" and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else ""
            said = "; ".join(found[:MOST_NAMED])
            raise DataError(f"no {cls.noun()}: {said}{rest}; docs/report.md says what it holds")
        return dict(value)

    @classmethod
    def read(cls, path: str | Path) -> dict[str, Any]:
        """The JSON object in a file.

        Raises:
            DataError: it cannot be read, or is something else.
        """
        value = read_json(path)
        try:
            return cls.check(value)
        except DataError as error:
            raise DataError(f"{path} is {error}") from error

    @classmethod
    def made_of(cls, values: Mapping[str, Any]) -> Self:
        """The result of an object that was checked; what is derived is derived again."""
        given = {}
        for member in members_of(cls):
            place: Any = values
            for key in member.path:
                place = place.get(key, _MISSING) if isinstance(place, Mapping) else _MISSING
            if not member.derived and place is not _MISSING:
                given[member.name] = member.form.taken(place)
        return cls(**given)

    def to_dict(self) -> dict[str, Any]:
        """The documented JSON object; what is no number is null."""
        found: dict[str, Any] = {}
        for member in members_of(type(self)):
            value = member.of(self)
            if value is None and member.presence is Presence.IF_THERE:
                continue
            place = found
            for key in member.path[:-1]:
                place = place.setdefault(key, {})
            place[member.key] = as_json(value)
        return found


class Stored(Result):
    """A result that its JSON object gives back whole."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """From `to_dict`; an energy, or another figure by name, that is null is left out.

        Raises:
            DataError: it lacks something or holds something else; the message names all.
        """
        return cls.made_of(cls.check(values))
