"""``isospike evaluate NET.snn``: accuracy against the number of time steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from isospike.cli import options
from isospike.cli.data import DataOptions
from isospike.cli.exits import ExitOptions, exit_options
from isospike.cli.progress import Stream, progress_bar
from isospike.cli.render import describe_preprocess, percent, print_json, print_table
from isospike.cli.steps import default_steps
from isospike.errors import OptionError
from isospike.export.artefact import load
from isospike.measure import Evaluation, ExitChoice, ExitEvaluation, evaluate
from isospike.simulate import DEFAULT_MEMORY_BUDGET, executors


@click.command(short_help="Measure accuracy against the number of time steps.")
@options.network_options
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
@exit_options
@options.json_option
def command(
    network: Path,
    steps: tuple[int, ...] | None,
    executor: str | None,
    memory: int,
    exit: str | None,
    threshold: float | None,
    temperature: float | None,
    choose_on: str | None,
    max_drop: float | None,
    as_json: bool,
    **data_values: Any,
) -> None:
    """Measure a network's accuracy after each number of steps, beside its ANN's, from one run to the largest.

    NETWORK is a .snn file; images are prepared as it was converted with, unless --size, --mean or --std say otherwise.
    """
    data = DataOptions(**data_values)
    exits = ExitOptions(exit, threshold, temperature, choose_on, max_drop)
    exits.check()
    _check_network(network)
    snn = load(network)
    data.check_size(snn.graph.input_shape)
    opened = data.open("test", preprocess=snn.preprocess, shuffle=False)
    snn = snn.to(opened.device)
    at = steps or default_steps(snn)
    how: dict[str, Any] = {"executor": executor, "memory_budget": memory << 20}
    images = Stream(opened.loader, opened.device, dtype=snn.reference_tensor.dtype)
    rule, choice = exits.rule(snn, data, images, steps=max(at or snn.calibrated or (1,)), **how)
    with progress_bar("evaluating", opened.count) as bar:
        result = evaluate(snn, images, steps=at, exit=rule, progress=bar.advance, **how)
    if as_json:
        source = {"file": str(network), "method": snn.provenance.method, "options": snn.provenance.options}
        used = None if opened.preprocess is None else opened.preprocess.to_dict()
        chosen = {} if choice is None else {"chosen": {**choice.to_dict(), "data": choose_on}}
        print_json({**result.to_dict(), **chosen, **source, "data": data.data, "preprocess": used})
        return
    title = f"{network}: {snn.provenance.method} on {result.images} images of {data.data}"
    _print(title, result)
    if result.exit is not None:
        _print_exit(result.exit)
    if choice is not None:
        _print_choice(choice, str(choose_on))
    click.echo(f"input: {describe_preprocess(opened.preprocess)}")


def _check_network(network: Path) -> None:
    """Refuse a model in the place of a file.

    Raises:
        OptionError: it is none that is there, and does not look like one.
    """
    if network.suffix != ".snn" and not network.exists():
        raise OptionError(
            f"'{network}' is no .snn file; to evaluate a model convert it first: "
            f"isospike convert METHOD {network} --data ... --out NET.snn"
        )


def _print(title: str, result: Evaluation) -> None:
    rows = [["ANN", percent(result.ann), "", ""]]
    rows += [
        [f"T={t}", percent(result.metric[t]), percent(result.agreement[t]), f"{result.spikes[t]:.0f}"]
        for t in result.metric
    ]
    print_table(title, ["", "top-1 %", "same class as ANN %", "spikes/image"], rows)


def _print_exit(found: ExitEvaluation) -> None:
    measures = [percent(found.metric), percent(found.agreement), f"{found.spikes:.0f}"]
    row = [found.rule.name(), *measures, f"{found.mean_steps:.2f}", percent(found.left_early)]
    columns = [
        "",
        "top-1 %",
        "same class as ANN %",
        "spikes/image",
        "mean T",
        f"left before T={max(found.histogram)} %",
    ]
    print_table(f"with exits at threshold {found.rule.threshold:.12g}", columns, [row])


def _print_choice(choice: ExitChoice, data: str) -> None:
    what = "top-1" if choice.labelled else "same class as at the end"
    click.echo(
        f"threshold chosen on {choice.images} images of {data}: {what} {percent(choice.chosen.accuracy)} % "
        f"(without exits {percent(choice.final)} %), mean T {choice.chosen.mean_steps:.2f}"
    )
