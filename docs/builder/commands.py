"""A page for every command, from its own help."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import click

from builder.found import registry_of
from builder.markdown import block, code, contents, page, prose, table
from isospike.cli.main import COMMANDS, group

Record = tuple[str, str]
WIDTH = 100


def pages() -> dict[str, str]:
    """The list of all commands, and each of them."""
    top = click.Context(group, info_name="isospike", terminal_width=WIDTH)
    rows = [(f"[`{name}`]({name}.md)", about) for name, about in COMMANDS.items()]
    shared = table(("option of `isospike` itself", "what it does"), _records(group, top))
    return {
        "commands/index.md": page(
            "Every command",
            table(("command", "what it does"), rows),
            shared,
            "[Start](../../start.md#models-and-data) says how models and data are named and what exit codes mean, "
            "[JSON of the command line](../../json.md) what `--json` prints.",
            contents(COMMANDS),
        ),
        **{f"commands/{name}.md": _page(name, top) for name in COMMANDS},
    }


def _page(name: str, top: click.Context) -> str:
    command = group.get_command(top, name)
    context = click.Context(command, info_name=name, parent=top)
    parts = [_about(command, context)]
    if isinstance(command, click.Group):
        below = {one: command.get_command(context, one) for one in command.list_commands(context)}
        parts += _below(below, context)
    else:
        parts.append(_options(_records(command, context)))
    return page(f"isospike {name}", *parts)


def _about(command: click.Command, context: click.Context) -> str:
    usage = block(f"$ {context.command_path} {' '.join(command.collect_usage_pieces(context))}", "console")
    return f"{usage}\n\n{_help(command)}"


def _paragraphs(text: str) -> str:
    """The help without the marks that only click reads."""
    return inspect.cleandoc(text.replace("\b\n", ""))


def _below(commands: Mapping[str, click.Command], parent: click.Context) -> list[str]:
    """What all subcommands share, then what each has besides."""
    records = {
        name: _records(command, click.Context(command, info_name=name, parent=parent))
        for name, command in commands.items()
    }
    first, *rest = records.values()
    shared = [record for record in first if all(record in other for other in rest)]
    paged = list(commands) if set(commands) <= set(registry_of("method")) else []
    methods = [(f"[`{name}`](../methods/{name}.md#options)", _summary(commands[name])) for name in paged]
    others = [name for name in commands if name not in paged]
    own = {name: [record for record in records[name] if record not in shared] for name in others}
    return [
        "## Options that all share",
        _options(shared),
        table(("its own options", "what it does"), methods),
        *(f"## {name}\n\n{_help(commands[name])}\n\n{_options(own[name])}" for name in others),
    ]


def _summary(command: click.Command) -> str:
    return prose(command.get_short_help_str(500))


def _help(command: click.Command) -> str:
    return prose(_paragraphs(command.help or ""))


def _records(command: click.Command, context: click.Context) -> list[Record]:
    """Every option with its help, as ``--help`` words them."""
    found = [param.get_help_record(context) for param in command.get_params(context)]
    return [(code(record[0]), prose(record[1])) for record in found if record]


def _options(records: list[Record]) -> str:
    return table(("option", "what it does"), records)
