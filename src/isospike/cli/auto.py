"""``isospike auto MODEL``: the cheapest network within limits, as a ``.snn`` file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from isospike.cli import comparisons, options
from isospike.cli.data import DataOptions, OpenData
from isospike.cli.halves import Half
from isospike.cli.networks import print_tables
from isospike.cli.progress import Stream, shown
from isospike.cli.render import describe_preprocess, print_json, print_result
from isospike.comparison import Choice, auto
from isospike.comparison.choosing import BIT_TRIALS, STEPS
from isospike.comparison.tables import front_table
from isospike.files import check_writable


@click.command(short_help="Find the cheapest network that stays within a limit of accuracy.")
@click.argument("model")
@comparisons.method_options
@options.data_options
@click.option(
    "--max-drop",
    type=float,
    default=1.0,
    show_default=True,
    help="How much worse than the ANN, in the unit of the score: points.",
)
@click.option("--max-steps", type=int, help="Largest number of steps.")
@click.option("--max-energy", type=float, help="Largest energy, pJ per image.")
@click.option("--steps", type=options.INTEGERS, default=",".join(map(str, STEPS)), show_default=True, help="To try.")
@click.option("--bit-trials", type=int, default=BIT_TRIALS, show_default=True, help="Tries of bits for each site.")
@click.option("--test-data", help="Images that select and report [default: the test part of --data].")
@click.option("--select-data", help="Images that select [default: half of the test images; the others report].")
@click.option("--workers", type=click.IntRange(min=1), default=1, show_default=True, help="Methods at once.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The .snn file to write.")
@options.json_option
def auto_command(
    *,
    model: str,
    test_data: str | None,
    select_data: str | None,
    steps: tuple[int, ...],
    out: Path,
    as_json: bool,
    **values: Any,
) -> None:
    """Search methods, numbers of steps and bits of sites for the network of MODEL that takes the least energy.

    Three sets of images: training images calibrate; one half of the test images (or --select-data) selects; the other
    half, which chose nothing, reports. MODEL is torchvision:NAME, timm:NAME, FILE.py:FACTORY or PACKAGE.MODULE:FACTORY.
    """
    check_writable(out)
    searched = {name: values.pop(name) for name in ("max_drop", "max_steps", "max_energy", "bit_trials", "workers")}
    wanted = comparisons.MethodOptions.taken_from(values)
    data = DataOptions(**values)
    tested = replace(data, data=test_data or data.data)
    comparisons.check_sources(data.data, tested.data, "--test-data")
    comparisons.check_sources(data.data, select_data or tested.data, "--select-data")
    arguments = wanted.arguments()
    network, opened = wanted.open(model, data)
    selection, report = _open_both(tested, select_data, opened, wanted.seed)
    choice = auto(
        network,
        Stream(opened.loader, opened.device),
        selection,
        report=report,
        steps=steps,
        progress=shown(),
        layout=data.layout,
        **searched,
        **arguments,
    )
    choice.snn.preprocess = opened.preprocess
    choice.snn.save(out)
    if as_json:
        print_json({"file": str(out), **choice.to_dict()})
        return
    _print(choice, out, select_data or tested.data, tested.data)
    click.echo(f"input: {describe_preprocess(opened.preprocess)}")


def _open_both(tested: DataOptions, select: str | None, opened: OpenData, seed: int) -> tuple[Stream, Stream]:
    """Images that select, and images that report."""
    test = tested.open("test", preprocess=opened.preprocess, shuffle=True, seed=seed)
    if select is None:
        selection, report = (Half(test.loader, second=second, layout=tested.layout) for second in (False, True))
        return Stream(selection, test.device), Stream(report, test.device)
    other = replace(tested, data=select).open("test", preprocess=opened.preprocess, shuffle=True, seed=seed)
    return Stream(other.loader, other.device), Stream(test.loader, test.device)


def _print(choice: Choice, out: Path, selected: str, reported: str) -> None:
    print_result(front_table([(one.cell, one.images) for one in choice.front()], choice.energy_model, choice.measure))
    comparisons.print_failed(choice.failed)
    table = choice.table()
    print_result(table, f"{out}: {table.title}")
    print_tables(choice.tables or {})
    click.echo(f"selected on images of {selected}, reports on images of {reported}")
