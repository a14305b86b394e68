"""``isospike compare MODEL``: any set of methods at any numbers of steps, on the user's model and data."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from isospike.cli import comparisons, options, pages
from isospike.cli.data import DataOptions
from isospike.cli.networks import print_tables
from isospike.cli.progress import Stream, shown
from isospike.cli.render import describe_preprocess, print_json, print_result
from isospike.comparison import Comparison, compare
from isospike.comparison.comparison import DATA_FILES, check_target
from isospike.comparison.tables import front_table
from isospike.errors import OptionError
from isospike.messages import counted
from isospike.preparation import Preparation
from isospike.report import check_figures, check_page


@click.command(short_help="Compare methods at numbers of steps: score, spikes, energy.")
@click.argument("model")
@comparisons.method_options
@options.data_options
@click.option("--test-data", help="Images to measure on [default: the test part of --data].")
@click.option("--steps", type=options.INTEGERS, default="2,4,8,16,32", show_default=True, help="Numbers of steps.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Folder that keeps what is finished.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Methods at once.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the comparison to a .html, .json or .csv file.")
@click.option("--figures", type=click.Path(path_type=Path), help="With .html: folder for all charts, SVG, PNG, CSV.")
@options.json_option
def compare_command(
    *,
    model: str,
    test_data: str | None,
    steps: tuple[int, ...],
    keep: Path | None,
    workers: int,
    out: Path | None,
    figures: Path | None,
    as_json: bool,
    **values: Any,
) -> None:
    """Convert MODEL with every method and measure each after each number of steps, on the same images.

    MODEL is torchvision:NAME, timm:NAME, FILE.py:FACTORY or PACKAGE.MODULE:FACTORY. --images limits the test images;
    with --keep the same command goes on where a broken one stopped.
    """
    if out is not None:
        check_target(out, (".html", *DATA_FILES))
    page = out is not None and out.suffix == ".html"
    if figures is not None and not page:
        raise OptionError("--figures are those of a page; give --out FILE.html too")
    if out is not None and page:
        check_page(out)
    if figures is not None:
        check_figures(figures)
    wanted = comparisons.MethodOptions.taken_from(values)
    data = DataOptions(**values)
    measured = replace(data, data=test_data or data.data)
    comparisons.check_sources(data.data, measured.data, "--test-data")
    arguments = wanted.arguments()
    network, opened = wanted.open(model, data)
    test = measured.open("test", preprocess=opened.preprocess, shuffle=False)
    calibration, images = Stream(opened.loader, opened.device), Stream(test.loader, test.device)
    how: dict[str, Any] = {"steps": steps, "keep": keep, "workers": workers, "progress": shown(), "layout": data.layout}
    found = compare(network, calibration, images, **how, **arguments)
    found = replace(found, command=shlex.join(["isospike", *sys.argv[1:]]), seed=wanted.seed)
    if out is not None and page:
        about = {"title": f"{model} as spiking networks", "Test images from": measured.data, "Seed": str(wanted.seed)}
        kept = {name: arguments[name] for name in ("analogue", "sites", "tables", "task")}
        shared = {"energy_model": arguments["energy_model"], "wanted": Preparation(**kept), "layout": data.layout}
        pages.write_page(
            found, out, network, calibration=calibration, test=images, about=about, figures=figures, **shared
        )
    elif out is not None:
        found.save(out)
    if as_json:
        print_json(found.to_dict())
        return
    _print(found, f"{model} on {counted(found.images, 'image')} of {measured.data}")
    click.echo(f"input: {describe_preprocess(opened.preprocess)}")


def _print(found: Comparison, title: str) -> None:
    print_result(found.scores(), title)
    print_result(front_table([(cell, found.images) for cell in found.front()], found.energy_model, found.measure))
    comparisons.print_failed(found.failed)
    print_tables(found.tables or {})
    shared = sum(found.shared.values())
    if shared:
        click.echo(f"{counted(shared, 'calibration image')} among the test images")
    click.echo("\n".join(pages.lines(found)))
