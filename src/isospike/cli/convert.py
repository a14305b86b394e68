"""``isospike convert METHOD MODEL``: a trained network into a ``.snn`` file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from isospike.cli import options
from isospike.cli.data import DataOptions
from isospike.cli.fields import click_option
from isospike.cli.networks import headline, network_to_dict, print_network
from isospike.cli.progress import Stream, shown
from isospike.cli.render import print_json
from isospike.conversion import convert
from isospike.errors import OptionError
from isospike.files import check_writable
from isospike.methods import Method, methods
from isospike.models import load_model
from isospike.network import SNN
from isospike.options import options_of
from isospike.part import PartInputs


class MethodGroup(click.Group):
    """One subcommand per registered method."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the methods."""
        return list(methods)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        """The command of one method, its options made from the fields of the dataclass."""
        kind = methods[cmd_name]
        chosen = [click_option(option) for option in options_of(kind)]

        @click.argument("model")
        @options.weights_option
        @options.data_options
        @click.option("--seed", type=int, default=0, show_default=True, help="Seed of the order of the images.")
        @options.part_option
        @options.analogue_option
        @options.sites_option
        @options.tables_option
        @options.task_option
        @click.option(
            "--checkpoint",
            type=click.Path(path_type=Path),
            help="File that keeps what a long calibration has done; the same command goes on from there.",
        )
        @click.option("--out", type=click.Path(path_type=Path), required=True, help="The .snn file to write.")
        @options.json_option
        def run(**values: Any) -> None:
            _convert(kind(**{option.name: values.pop(option.name) for option in options_of(kind)}), **values)

        run.__doc__ = kind.__doc__
        made = click.command(name=cmd_name, short_help=kind.summary())(run)
        made.params += chosen
        return made


@click.group(cls=MethodGroup, short_help="Convert a trained network into a .snn file.")
def convert_command() -> None:
    """Convert a trained network into a .snn file.

    MODEL is torchvision:NAME, timm:NAME, FILE.py:FACTORY or PACKAGE.MODULE:FACTORY; isospike convert METHOD --help
    lists the options of a method.
    """


def _convert(
    method: Method,
    *,
    model: str,
    weights: Path | None,
    seed: int,
    part: str | None,
    analogue: Any,
    sites: Any,
    tables: Any,
    task: str | None,
    checkpoint: Path | None,
    out: Path,
    as_json: bool,
    **data_values: Any,
) -> None:
    check_writable(out)
    if checkpoint is not None:
        check_writable(checkpoint)
        if checkpoint.absolute() == out.absolute():
            raise OptionError(f"--checkpoint and --out are the same file, {out}; give two")
    data = DataOptions(**data_values)
    device = data.torch_device()
    loaded = load_model(model, weights=weights)
    opened = data.open("calibration", preprocess=loaded.preprocess, shuffle=True, seed=seed)
    started = time.perf_counter()
    stream, source = Stream(opened.loader, device), loaded.model.to(device)
    how: dict[str, Any] = {"analogue": analogue, "sites": sites, "tables": tables, "task": task}
    how |= {"progress": shown(), "checkpoint": checkpoint}
    if part is None:
        snn = convert(source, method, data=stream, layout=data.layout, **how)
        snn.preprocess = opened.preprocess
    else:  # what reaches a part is no image of the data any more
        reaching = PartInputs(source, part, stream, layout=data.layout)
        snn = convert(reaching.part, method, data=reaching, **how)
    seconds = time.perf_counter() - started
    snn.save(out)
    _report(snn, out, seconds, part, {"data": data.data, "images": opened.count}, as_json=as_json)


def _report(
    snn: SNN, out: Path, seconds: float, part: str | None, calibration: dict[str, Any], *, as_json: bool
) -> None:
    if as_json:
        made = {"part": part, "calibration": calibration, "seconds": seconds}
        print_json({"file": str(out), **network_to_dict(snn), **made})
        return
    images = "all" if calibration["images"] is None else calibration["images"]
    click.echo(f"{out}: {headline(snn)}, in {seconds:.1f} s")
    click.echo(f"  calibrated on {images} images of {calibration['data']}")
    if part is not None:
        click.echo(f"  the part '{part}' alone; in Python: model.set_submodule('{part}', isospike.load('{out}'))")
    print_network(snn)
