"""``isospike demo``: every method on an embedded network and embedded data, and the report."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from isospike.cli import comparisons, options, pages
from isospike.cli.progress import shown
from isospike.cli.render import print_json, print_result
from isospike.comparison import compare
from isospike.data import open_data
from isospike.demo import load_digits_net
from isospike.graphs import capture
from isospike.methods import methods
from isospike.report import check_page

SHORTER: dict[str, dict[str, Any]] = {"calibration-advanced": {"iterations": 100, "learning_rate": 1e-4}}
"""Options of methods whose defaults take longer than a demonstration should."""
STEPS = (2, 4, 8, 16)
TITLE = "Handwritten digits as spiking networks"


@click.command(short_help="Convert and measure an embedded network with every method.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="isospike-demo.html",
    show_default=True,
    help="The report, one HTML page.",
)
@options.json_option
def demo_command(out: Path, as_json: bool) -> None:
    """Convert a small residual network for handwritten digits with every method, measure each, write the report.

    The network was trained by this project (isospike.demo.train); the digits come with scikit-learn. Calibration uses
    training digits only, the score is measured on the 500 test digits.
    """
    check_page(out)
    calibration = open_data("digits", "calibration", preprocess=None, shuffle=True)
    test = open_data("digits", "test", preprocess=None, shuffle=False)
    graph = capture(load_digits_net(), next(iter(calibration))[0][:2])
    found = compare(graph, calibration, test, steps=STEPS, options=SHORTER, progress=shown())
    found = replace(found, command=shlex.join(["isospike", *sys.argv[1:]]))
    pages.write_page(
        found, out, graph, calibration=calibration, test=test, about={"title": TITLE, "Test images from": "digits"}
    )
    if as_json:
        print_json({**found.to_dict(), "report": str(out)})
        return
    print_result(found.scores(), f"{found.images} test digits")
    comparisons.print_failed(found.failed)
    others = ", ".join(name for name, kind in methods.items() if kind.needs_training)
    click.echo(f"Not shown, for networks trained for them (isospike train): {others}")
    click.echo("Next: isospike inspect torchvision:resnet18; isospike methods; isospike compare --help")
    click.echo(f"Report: {out}")
    click.echo("\n".join(pages.lines(found)))
