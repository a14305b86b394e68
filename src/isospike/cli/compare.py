"""``isospike compare MODEL``: any set of methods at any numbers of steps, on the user's model and data."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from isospike.cli import comparisons, options
from isospike.cli.data import DataOptions
from isospike.cli.progress import Stream, progress_bar
from isospike.cli.render import describe_preprocess, percent, print_json
from isospike.compare import Comparison, compare
from isospike.compare.comparison import check_target
from isospike.messages import counted

CLOSE = 1.0
"""Points below the ANN that the verdict allows."""


@click.command(short_help="Compare methods at numbers of steps: accuracy, spikes, energy.")
@click.argument("model")
@comparisons.method_options
@options.data_options
@click.option("--test-data", help="Images to measure on [default: the test part of --data].")
@click.option("--steps", type=options.INTEGERS, default="2,4,8,16,32", show_default=True, help="Numbers of steps.")
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), help="Folder that keeps what is finished.")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Methods at once.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the comparison to a .json or .csv file.")
@options.json_option
def command(
    model: str,
    weights: Path | None,
    names: str,
    pairs: tuple[str, ...],
    energy_model: str,
    calibration_images: int,
    seed: int,
    analogue: Any,
    test_data: str | None,
    steps: tuple[int, ...],
    keep: Path | None,
    workers: int,
    out: Path | None,
    as_json: bool,
    **data_values: Any,
) -> None:
    """Convert MODEL with every method and measure each after each number of steps, on the same images.

    MODEL is torchvision:NAME, timm:NAME, FILE.py:FACTORY or PACKAGE.MODULE:FACTORY. --images limits the test images;
    with --keep the same command goes on where a broken one stopped.
    """
    if out is not None:
        check_target(out)
    data = DataOptions(**data_values)
    measured = replace(data, data=test_data or data.data)
    comparisons.check_sources(data.data, measured.data, "--test-data")
    chosen, given = comparisons.parse_methods(names), comparisons.parse_options(pairs)
    network, opened = comparisons.open_calibration(model, weights, data, calibration_images, seed)
    test = measured.open("test", preprocess=opened.preprocess, shuffle=False)
    with progress_bar("comparing", None) as bar:
        found = compare(
            network,
            Stream(opened.loader, opened.device),
            Stream(test.loader, test.device),
            methods=chosen,
            steps=steps,
            options=given,
            energy_model=energy_model,
            analogue=analogue,
            keep=keep,
            workers=workers,
            progress=bar.show,
        )
    found = replace(found, command=shlex.join(["isospike", *sys.argv[1:]]), seed=seed)
    if out is not None:
        found.save(out)
    if as_json:
        print_json(found.to_dict())
        return
    _print(found, f"{model} on {counted(found.images, 'image')} of {measured.data}")
    click.echo(f"input: {describe_preprocess(opened.preprocess)}")


def _print(found: Comparison, title: str) -> None:
    comparisons.print_cells(title, found.cells, found.ann_accuracy, found.metric)
    comparisons.print_front([(cell, found.images) for cell in found.front()], found.energy_model)
    comparisons.print_failed(found.failed)
    best, ann = found.best(max_drop=CLOSE), f"the ANN ({percent(found.ann_accuracy)} %)"
    shown = best or max(found.cells, key=lambda cell: (cell.accuracy, -cell.steps))
    verdict = (
        f"cheapest within {CLOSE:g} point of {ann}" if best else f"nothing within {CLOSE:g} point of {ann}; nearest"
    )
    energy = f"{comparisons.microjoules(shown.energy_pj, found.energy_model)} uJ per image"
    click.echo(f"{verdict}: {shown.label} at T={shown.steps}, {percent(shown.accuracy)} %, {energy}")
    competitor = comparisons.microjoules(found.ann_energy_pj, found.energy_model)
    click.echo(
        f"the ANN takes {competitor} uJ per image; {found.energy_model}, counted on {found.account_images} images"
    )
