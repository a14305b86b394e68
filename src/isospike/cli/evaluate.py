"""``isospike evaluate NET.snn``: the score against the number of time steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from isospike.cli import options
from isospike.cli.data import DataOptions
from isospike.cli.exits import ExitOptions, exit_options
from isospike.cli.networks import open_network
from isospike.cli.progress import Stream, shown
from isospike.cli.render import describe_preprocess, print_json, print_result
from isospike.cli.steps import default_steps
from isospike.executors import DEFAULT_MEMORY_BUDGET
from isospike.measure import evaluate


@click.command(short_help="Measure the score against the number of time steps.")
@options.network_options
@options.executor_option("layer, or collapsed where the network emits after accumulating")
@click.option(
    "--memory",
    type=click.IntRange(min=1),
    default=DEFAULT_MEMORY_BUDGET >> 20,
    show_default=True,
    help="Megabytes for the values of one chunk of time or of samples.",
)
@exit_options
@options.task_option
@options.json_option
def evaluate_command(
    *,
    network: Path,
    steps: tuple[int, ...] | None,
    executor: str | None,
    memory: int,
    exit: str | None,
    threshold: float | None,
    temperature: float | None,
    choose_on: str | None,
    max_drop: float | None,
    task: str | None,
    as_json: bool,
    **data_values: Any,
) -> None:
    """Measure a network's score after each number of steps, beside its ANN's, from one run to the largest.

    NETWORK is a .snn file; images are prepared as it was converted with, unless --size, --mean or --std say otherwise.
    """
    data = DataOptions(**data_values)
    exits = ExitOptions(exit, threshold, temperature, choose_on, max_drop)
    exits.check()
    snn = open_network(network)
    data = data.fitted(snn.graph.input_shape)
    opened = data.open("test", preprocess=snn.preprocess, shuffle=False)
    snn = snn.to(opened.device)
    at = steps or default_steps(snn)
    how: dict[str, Any] = {"executor": executor, "memory_budget": memory << 20, "layout": data.layout}
    images = Stream(opened.loader, opened.device, dtype=snn.reference_tensor.dtype)
    rule, choice = exits.rule(snn, data, images, steps=max(at or snn.times.own or (1,)), **how)
    result = evaluate(snn, images, steps=at, exit=rule, task=task, progress=shown(), **how)
    if as_json:
        source = {"file": str(network), "method": snn.provenance.method, "options": snn.provenance.options}
        used = None if opened.preprocess is None else opened.preprocess.to_dict()
        chosen = {} if choice is None else {"chosen": {**choice.to_dict(), "data": choose_on}}
        print_json({**result.to_dict(), **chosen, **source, "data": data.data, "preprocess": used})
        return
    title = f"{network}: {snn.provenance.method} on {result.images} images of {data.data}"
    print_result(result.table(), title)
    if result.exit is not None:
        print_result(result.exit.table())
    if choice is not None:
        click.echo(choice.summary(str(choose_on)))
    click.echo(f"input: {describe_preprocess(opened.preprocess)}")
