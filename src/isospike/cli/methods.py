"""``isospike methods``: the conversion methods and their options."""

from __future__ import annotations

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
    return "automatic" if field.default is None else str(field.default)


def _type(field: Field) -> str:
    if typing.get_origin(field.type) is typing.Literal:
        return "|".join(typing.get_args(field.type))
    return str(getattr(field.type, "__name__", field.type)).replace(" | None", "")
