"""From the type of a field to its form in JSON."""

from __future__ import annotations

import types
import typing
from dataclasses import replace
from enum import Enum
from typing import Annotated, Any, Literal

from isospike.options import Range, Some
from isospike.options.forms import Words, form_of
from isospike.results.containers import Fixed, Keyed, Listed, Mapped, Nested, OneOfForms
from isospike.results.forms import Anything, Figure, JsonForm, Leaf


def json_form_of(hint: Any) -> JsonForm:
    """The form in JSON of the values of a type."""
    base, marks = type_and_marks(hint)
    origin, parts = typing.get_origin(base), typing.get_args(base)
    if origin in (types.UnionType, typing.Union):
        forms = [json_form_of(part) for part in parts if part is not type(None)]
        whole = forms[0] if len(forms) == 1 else OneOfForms(tuple(forms))
        optional = replace(whole, nullable=type(None) in parts)
        return replace(optional, unknown=None) if isinstance(optional, Figure) else optional
    if base is float and not any(isinstance(mark, Range) for mark in marks):
        return Figure(float("nan"), nullable=True)
    if origin is tuple and parts[-1] is not ...:
        return Fixed(tuple(Leaf(form_of(part)) for part in parts))
    if origin in (tuple, list):
        return Listed(json_form_of(parts[0]))
    if origin is dict:
        return Mapped(parts[0], json_form_of(parts[1]), any(isinstance(mark, Some) for mark in marks))
    return _single(hint, base)


def _single(hint: Any, base: Any) -> JsonForm:
    if base is Any:
        return Anything()
    if typing.is_typeddict(base):
        return Keyed({key: json_form_of(one) for key, one in typing.get_type_hints(base, include_extras=True).items()})
    if hasattr(base, "json_form"):
        return Nested(base)
    if isinstance(base, type) and issubclass(base, Enum):
        return Leaf(Words(tuple(one.value for one in base)))
    assert base in (int, float, bool, str) or typing.get_origin(base) is Literal, f"{base} has no form in JSON"
    return Leaf(form_of(hint))


def type_and_marks(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A type, and what its annotation says besides."""
    if typing.get_origin(hint) is not Annotated:
        return hint, ()
    base, *marks = typing.get_args(hint)
    return base, tuple(marks)
