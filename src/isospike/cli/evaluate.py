"""``isospike evaluate NET.snn``: accuracy against the number of time steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from isospike.cli import options
from isospike.cli.data import DataOptions
from isospike.cli.progress import Stream, progress_bar
from isospike.cli.render import describe_preprocess, percent, print_json, print_table
from isospike.export.artefact import load
from isospike.measure import Evaluation, evaluate
from isospike.simulate import DEFAULT_MEMORY_BUDGET, Kind, executors

STEPS = (1, 2, 4, 8, 16, 32)
"""Numbers of steps at which a streaming network is measured by default."""


@click.command(short_help="Measure accuracy against the number of time steps.")
@click.argument("network", type=click.Path(path_type=Path, dir_okay=False))
@options.data_options
@click.option(
    "--steps",
    type=options.INTEGERS,
    help="Numbers of steps [default: 1,2,4,8,16,32; the network's own where it emits after accumulating].",
)
@click.option(
    "--executor",
    type=click.Choice(list(executors)),
    help="How to simulate [default: layer, or collapsed where the network emits after accumulating].",
)
@click.option(
    "--memory",
    type=click.IntRange(min=1),
    default=DEFAULT_MEMORY_BUDGET >> 20,
    show_default=True,
    help="Megabytes for the values of one chunk of time or of samples.",
)
@options.json_option
def command(
    network: Path, steps: tuple[int, ...] | None, executor: str | None, memory: int, as_json: bool, **data_values: Any
) -> None:
    """Measure a network's accuracy after each number of steps, beside its ANN's, from one run to the largest.

    NETWORK is a .snn file; images are prepared as it was converted with, unless --size, --mean or --std say otherwise.
    """
    snn = load(network)
    data = DataOptions(**data_values)
    data.check_size(snn.graph.input_shape)
    opened = data.open("test", preprocess=snn.preprocess, shuffle=False)
    with progress_bar("evaluating", opened.count) as bar:
        result = evaluate(
            snn.to(opened.device),
            Stream(opened.loader, opened.device, dtype=snn.reference_tensor.dtype),
            steps=steps or (STEPS if snn.kind is Kind.STREAMING else None),
            executor=executor,
            memory_budget=memory << 20,
            progress=bar.advance,
        )
    if as_json:
        source = {"file": str(network), "method": snn.provenance.method, "options": snn.provenance.options}
        used = None if opened.preprocess is None else opened.preprocess.to_dict()
        print_json({**result.to_dict(), **source, "data": data.data, "preprocess": used})
        return
    title = f"{network}: {snn.provenance.method} on {result.images} images of {data.data}"
    _print(title, result)
    click.echo(f"input: {describe_preprocess(opened.preprocess)}")


def _print(title: str, result: Evaluation) -> None:
    rows = [["ANN", percent(result.ann), "", ""]]
    rows += [
        [f"T={t}", percent(result.metric[t]), percent(result.agreement[t]), f"{result.spikes[t]:.0f}"]
        for t in result.metric
    ]
    print_table(title, ["", "top-1 %", "same class as ANN %", "spikes/image"], rows)
