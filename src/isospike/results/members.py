"""The members of a result: fields and what is derived from them, in the order of its JSON object."""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from isospike.results.containers import Keyed
from isospike.results.forms import JsonForm
from isospike.results.hints import json_form_of, type_and_marks
from isospike.results.marks import MARK, At, Before, Derived, Presence, Shown


@dataclass(frozen=True)
class Member:
    """One value of a JSON object."""

    name: str
    """Of the field, property or method."""
    path: tuple[str, ...]
    """The keys that lead to it."""
    form: JsonForm
    presence: Presence
    shown: Shown | None
    before: str
    """Key of the column that its own stands before; empty: none in particular."""
    derived: bool
    """Whether the fields give it, so that nothing reads it."""
    through: str = ""
    """The field whose member it is, where its keys stand among those of the object itself."""

    @property
    def key(self) -> str:
        """Its own key."""
        return self.path[-1]

    def of(self, result: Any) -> Any:
        """Its value in a result."""
        value = getattr(getattr(result, self.through) if self.through else result, self.name)
        return value() if inspect.ismethod(value) else value


def members_of(kind: type[Any]) -> tuple[Member, ...]:
    """All members of a dataclass, in the order of its JSON object."""
    return _members(typing.cast(Hashable, kind))  # mypy takes the hash of instances for that of the class


@cache
def _members(kind: Any) -> tuple[Member, ...]:
    hints = typing.get_type_hints(kind, include_extras=True)
    found = [member for field in dataclasses.fields(kind) for member in _of_field(field.name, hints[field.name])]
    for name, function in _derived(kind):
        mark: Derived = getattr(function, MARK)
        hint = typing.get_type_hints(function, include_extras=True)["return"]
        member = dataclasses.replace(_member(name, hint), path=tuple(mark.key.split(".")), derived=True)
        found.insert(place_before(mark.before, [".".join(one.path) for one in found]), member)
    return tuple(found)


def _of_field(name: str, hint: Any) -> Iterator[Member]:
    """The member that a field is, or those that it has where they stand among the others; an inner field has none."""
    base, marks = type_and_marks(hint)
    if Presence.AMONG in marks:
        yield from (dataclasses.replace(member, through=name, derived=True) for member in members_of(base))
    elif Presence.INNER not in marks:
        yield _member(name, hint)


def _member(name: str, hint: Any) -> Member:
    _, marks = type_and_marks(hint)
    path = next((mark.path for mark in marks if isinstance(mark, At)), name)
    presence = next((mark for mark in marks if isinstance(mark, Presence)), Presence.ALWAYS)
    shown = next((mark for mark in marks if isinstance(mark, Shown)), None)
    before = next((mark.key for mark in marks if isinstance(mark, Before)), "")
    return Member(name, tuple(path.split(".")), json_form_of(hint), presence, shown, before, derived=False)


def _derived(kind: type) -> Iterator[tuple[str, Any]]:
    """Functions that `derived` marked, by name, those of base classes first."""
    found = {name: value for base in reversed(kind.__mro__) for name, value in vars(base).items()}
    for name, value in found.items():
        function = value.fget if isinstance(value, property) else value
        if hasattr(function, MARK):
            yield name, function


def place_before(name: str, names: Sequence[str]) -> int:
    """The place of a name among others; behind all where it is empty."""
    return names.index(name) if name else len(names)


def object_form(kind: type[Any]) -> Keyed:
    """The form of the JSON object of a dataclass."""
    return _object_form(typing.cast(Hashable, kind))


@cache
def _object_form(kind: Any) -> Keyed:
    return _keyed(members_of(kind))


def _keyed(members: tuple[Member, ...], depth: int = 0) -> Keyed:
    """The form of the object that members make up, ``depth`` keys below that of the result."""
    groups: dict[str, list[Member]] = {}
    for member in members:
        groups.setdefault(member.path[depth], []).append(member)
    return Keyed(
        {key: _form(tuple(group), depth) for key, group in groups.items()},
        frozenset(key for key, group in groups.items() if all(m.presence is not Presence.ALWAYS for m in group)),
    )


def _form(group: tuple[Member, ...], depth: int) -> JsonForm:
    return group[0].form if len(group[0].path) == depth + 1 else _keyed(group, depth + 1)
