"""What all configurations have in common: frozen dataclasses whose fields declare what their values may be."""

from __future__ import annotations

import typing
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import Any, ClassVar

from isospike.errors import IsospikeError, OptionError
from isospike.options.forms import Form, form_of
from isospike.registry import kebab_case


class Configuration:
    """Base of frozen dataclasses whose instance is the configuration.

    Types and ranges are checked as the fields declare them. A subclass whose options depend on each other checks
    that in ``__post_init__``, after this one's.
    """

    error: ClassVar[type[IsospikeError]] = OptionError
    """What is raised for values that are refused."""

    def __post_init__(self) -> None:
        """Check the values, and keep lists as tuples and numbers of numpy as Python's.

        Raises:
            OptionError, or the error of the class: values are outside what their fields declare; all are listed.
            UnknownNameError: a name is not in its registry.
        """
        forms = forms_of(type(self))
        refuse(self.title(), faults({name: getattr(self, name) for name in forms}, forms), self.error)
        for name, form in forms.items():
            object.__setattr__(self, name, form.read(getattr(self, name)))

    @classmethod
    def title(cls) -> str:
        """What messages call the configuration: the class name in kebab case."""
        return kebab_case(cls.__name__)

    def require(self, holds: bool, option: str, wanted: str) -> None:
        """Refuse an option that does not go with others.

        Raises:
            OptionError, or the error of the class: ``holds`` is false.
        """
        if not holds:
            refuse(self.title(), [_fault(option, wanted, getattr(self, option))], self.error)


def forms_of(kind: type[object]) -> Mapping[str, Form]:
    """The form of every field of a dataclass, in order."""
    return _forms(typing.cast(Hashable, kind))  # mypy takes the hash of instances for that of the class


@cache
def _forms(kind: Hashable) -> Mapping[str, Form]:
    assert isinstance(kind, type)
    hints = typing.get_type_hints(kind, include_extras=True)
    return {field.name: form_of(hints[field.name]) for field in fields(kind)}


def faults(values: Mapping[str, object], forms: Mapping[str, Form]) -> list[str]:
    """What is wrong with values, in words."""
    return [_fault(name, forms[name].words, value) for name, value in values.items() if not forms[name].fits(value)]


def refuse(title: str, found: Sequence[str], error: type[IsospikeError] = OptionError) -> None:
    """Raise one error for all faults; none: do nothing."""
    if found:
        raise error(f"{title}: {'; '.join(found)}" if title else "; ".join(found))


def check_arguments(hint: Any, error: type[IsospikeError] = OptionError, **values: object) -> None:
    """Check arguments of a function, all of one type hint.

    Raises:
        OptionError, or the ``error`` that is given: values do not fit; all are listed.
    """
    refuse("", faults(values, dict.fromkeys(values, form_of(hint))), error)


def _fault(option: str, wanted: str, value: object) -> str:
    return f"{option} must be {wanted}, got {value!r:.80}"
