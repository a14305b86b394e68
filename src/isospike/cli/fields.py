"""Command-line options from the fields of a dataclass: name, type, range, default and docstring."""

from __future__ import annotations

from typing import Any

import click

from isospike.cli.options import INTEGERS
from isospike.options import Option
from isospike.options.forms import Either, Flag, Form, Many, Nothing, Number, Words


class EitherType(click.ParamType):  # type: ignore[type-arg]  # generic only in newer click
    """A value of one of several types, the first that takes it."""

    def __init__(self, kinds: list[Any]) -> None:
        self.kinds = [click.types.convert_type(kind) for kind in kinds]
        self.name = "|".join(_metavar(kind) for kind in self.kinds)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value in the first type that takes it."""
        for kind in self.kinds:
            try:
                return kind.convert(value, param, ctx)
            except click.BadParameter:
                continue
        self.fail(f"'{value}' is not {self.name}", param, ctx)


def click_option(option: Option) -> click.Option:
    """The command-line option; a yes or no is ``--name/--no-name``. Its help ends with the range."""
    flags = f"--{option.flag}/--no-{option.flag}" if _is_flag(option.form) else f"--{option.flag}"
    return click.Option(
        [flags, option.name],
        type=click_type(option.form),
        default=option.default,
        show_default=option.default is not None,
        help=help_of(option),
    )


def parsed(option: Option, value: str) -> Any:
    """The value that a text on the command line stands for.

    Raises:
        click.BadParameter: it is of another type.
    """
    return click_option(option).type.convert(value, None, None)


def help_of(option: Option) -> str:
    """The docstring, and the range where there is one."""
    return f"{option.help} [{option.form.range}]" if option.form.range else option.help


def type_names(form: Form) -> list[str]:
    """Names of the choices of an option; that it may be left out is said by its default."""
    if isinstance(form, Either):
        return [name for part in form.parts if not isinstance(part, Nothing) for name in type_names(part)]
    if isinstance(form, Words):
        return list(form.known)
    if isinstance(form, Many):
        return ["integers"]
    return [click_type(form).__name__]


def click_type(form: Form) -> Any:
    """The command-line type of the values of an option."""
    match form:
        case Words():
            return click.Choice(list(form.known))
        case Either():
            parts = [click_type(part) for part in form.parts if not isinstance(part, Nothing)]
            return parts[0] if len(parts) == 1 else EitherType(parts)
        case Many():
            return INTEGERS
        case Number():
            return form.kind
        case Flag():
            return bool
    return str


def _is_flag(form: Form) -> bool:
    return isinstance(form, Flag) or (isinstance(form, Either) and any(map(_is_flag, form.parts)))


def _metavar(kind: click.ParamType) -> str:  # type: ignore[type-arg]
    return "|".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else kind.name
