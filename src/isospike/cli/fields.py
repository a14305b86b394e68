"""Command-line options from the fields of a dataclass: name, type, default and docstring."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
import types
import typing
from typing import Any

import click

from isospike.cli import options
from isospike.registry import kebab_case


@dataclasses.dataclass(frozen=True)
class Field:
    """One option of a method."""

    name: str
    type: Any
    default: Any
    help: str

    def option(self) -> click.Option:
        """The command-line option; a yes or no is ``--name/--no-name``."""
        flag = kebab_case(self.name).replace("_", "-")
        return click.Option(
            [f"--{flag}/--no-{flag}" if self.type in (bool, bool | None) else f"--{flag}", self.name],
            type=_click_type(self.type),
            default=self.default,
            show_default=self.default is not None,
            help=self.help,
        )


class Either(click.ParamType):  # type: ignore[type-arg]  # generic only in newer click
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


def _metavar(kind: click.ParamType) -> str:  # type: ignore[type-arg]
    return "|".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else kind.name


def fields_of(kind: type[Any]) -> tuple[Field, ...]:
    """The fields of a dataclass with their docstrings."""
    hints, documents = typing.get_type_hints(kind), _docstrings(kind)
    return tuple(
        Field(field.name, hints[field.name], field.default, documents.get(field.name, ""))
        for field in dataclasses.fields(kind)
    )


def _docstrings(kind: type[Any]) -> dict[str, str]:
    """The string below each annotated field, base classes first."""
    found: dict[str, str] = {}
    for base in reversed([base for base in kind.__mro__ if dataclasses.is_dataclass(base)]):
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                assert isinstance(field.target, ast.Name)
                found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def _click_type(hint: Any) -> Any:
    if typing.get_origin(hint) is typing.Literal:
        return click.Choice(list(typing.get_args(hint)))
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        parts = [part for part in typing.get_args(hint) if part is not type(None)]
        return _click_type(parts[0]) if len(parts) == 1 else Either([_click_type(part) for part in parts])
    if typing.get_origin(hint) is tuple:
        return options.INTEGERS
    assert hint in (int, float, str, bool), f"no command-line form for {hint}"
    return hint
