"""``isospike export FORMAT NET.snn``: a network as a file of another format."""

from __future__ import annotations

from pathlib import Path

import click

from isospike.cli import options
from isospike.cli.fields import click_option
from isospike.cli.networks import headline, open_network
from isospike.cli.render import print_json
from isospike.options import options_of
from isospike.targets import Exporter, export, exporters
from isospike.targets.exporting import check_ending


class FormatGroup(click.Group):
    """One subcommand per registered format."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the formats."""
        return list(exporters)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of one format, its options made from the fields of the dataclass."""
        kind = exporters[cmd_name]
        chosen = [click_option(option) for option in options_of(kind)]

        @click.argument("network", type=click.Path(path_type=Path))
        @click.option("--out", type=click.Path(path_type=Path), required=True, help=f"The {kind.suffix} file to write.")
        @options.json_option
        def run(network: Path, out: Path, as_json: bool, **values: object) -> None:
            _export(cmd_name, kind(**values), network=network, out=out, as_json=as_json)

        run.__doc__ = kind.__doc__
        made = click.command(name=cmd_name, short_help=kind.summary())(run)
        made.params += chosen
        return made


@click.group(cls=FormatGroup, short_help="Write a network as a file of another format.")
def export_command() -> None:
    """Write a .snn file as a file of another format.

    isospike export FORMAT --help lists the options of a format.
    """


def _export(name: str, exporter: Exporter, *, network: Path, out: Path, as_json: bool) -> None:
    check_ending(out, exporter)
    snn = open_network(network)
    export(snn, out, exporter)
    if as_json:
        print_json({"file": str(out), "bytes": out.stat().st_size, "format": name, "network": str(network)})
        return
    click.echo(f"{out}: {headline(snn)}, {out.stat().st_size / 1e6:.2f} MB")
