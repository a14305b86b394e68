"""``isospike methods``: the conversion methods and their options."""

from __future__ import annotations

from typing import Any

import click

from isospike.cli import options
from isospike.cli.fields import help_of, type_names
from isospike.cli.render import print_json
from isospike.methods import Method, methods
from isospike.options import Option, options_of, schema_of


@click.command(short_help="List the conversion methods and their options.")
@click.argument("name", required=False)
@options.json_option
def methods_command(name: str | None, as_json: bool) -> None:
    """List the conversion methods; with NAME, only that one, in full."""
    chosen = {name: methods[name]} if name else dict(methods.items())
    if as_json:
        print_json({"methods": {key: _describe(kind) for key, kind in chosen.items()}})
        return
    for key, kind in chosen.items():
        click.secho(key, bold=True)
        click.echo(f"  {kind.__doc__ if name else kind.summary()}".rstrip())
        click.echo(f"    needs {kind.needs}" + (f"; cites {', '.join(kind.papers)}" if kind.papers else ""))
        for option in options_of(kind):
            click.echo(
                f"    --{option.flag} {'|'.join(type_names(option.form))} [{_default(option)}]  {help_of(option)}"
            )


def _describe(kind: type[Method]) -> dict[str, Any]:
    known = [
        {
            "name": option.name,
            "type": "|".join(type_names(option.form)),
            "range": option.form.range,
            "default": option.default,
            "help": option.help,
        }
        for option in options_of(kind)
    ]
    about = {"summary": kind.summary(), "needs": kind.needs, "papers": list(kind.papers)}
    return {**about, "options": known, "schema": schema_of(kind)}


def _default(option: Option) -> str:
    if isinstance(option.default, tuple):
        return ",".join(map(str, option.default))
    return "automatic" if option.default is None else str(option.default)
