"""``isospike methods``: the conversion methods and their options."""

from __future__ import annotations

import types
import typing
from typing import Any

import click

from isospike.cli import options
from isospike.cli.fields import Field, fields_of
from isospike.cli.render import print_json
from isospike.methods import methods


@click.command(short_help="List the conversion methods and their options.")
@click.argument("name", required=False)
@options.json_option
def command(name: str | None, as_json: bool) -> None:
    """List the conversion methods; with NAME, only that one, in full."""
    chosen = {name: methods[name]} if name else dict(methods.items())
    if as_json:
        print_json({"methods": {key: _describe(kind) for key, kind in chosen.items()}})
        return
    for key, kind in chosen.items():
        click.secho(key, bold=True)
        click.echo(f"  {kind.__doc__ if name else kind.summary()}".rstrip())
        click.echo(f"    needs {kind.needs}" + (f"; cites {', '.join(kind.papers)}" if kind.papers else ""))
        for field in fields_of(kind):
            click.echo(f"    --{field.name.replace('_', '-')} {_type(field)} [{_default(field)}]  {field.help}")


def _describe(kind: Any) -> dict[str, Any]:
    known = [
        {"name": field.name, "type": _type(field), "default": field.default, "help": field.help}
        for field in fields_of(kind)
    ]
    return {"summary": kind.summary(), "needs": kind.needs, "papers": list(kind.papers), "options": known}


def _default(field: Field) -> str:
    if isinstance(field.default, tuple):
        return ",".join(map(str, field.default))
    return "automatic" if field.default is None else str(field.default)


def _type(field: Field) -> str:
    return "|".join(_names(field.type))


def _names(hint: Any) -> list[str]:
    """Names of a type's choices; that an option may be left out is said by its default."""
    if typing.get_origin(hint) is typing.Literal:
        return list(typing.get_args(hint))
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return [name for part in typing.get_args(hint) if part is not type(None) for name in _names(part)]
    if typing.get_origin(hint) is tuple:
        return ["integers"]
    return [hint.__name__ if isinstance(hint, type) and not typing.get_args(hint) else str(hint)]
