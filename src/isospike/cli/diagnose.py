"""``isospike diagnose NET.snn MODEL``: where a network loses against its model, why, and what to try."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from isospike.cli import options
from isospike.cli.data import DataOptions
from isospike.cli.networks import open_network
from isospike.cli.progress import Stream, shown
from isospike.cli.render import print_json, print_result
from isospike.diagnosis import diagnose
from isospike.models import load_model


@click.command(short_help="Find where a network loses against its model, why, and what to try.")
@click.argument("network", type=click.Path(path_type=Path))
@click.argument("model")
@options.weights_option
@options.data_options
@click.option("--steps", type=int, help="Steps of a streaming network; others have their own.")
@options.task_option
@options.json_option
def diagnose_command(
    *,
    network: Path,
    model: str,
    weights: Path | None,
    steps: int | None,
    task: str | None,
    as_json: bool,
    **data_values: Any,
) -> None:
    """Measure every layer of NETWORK beside MODEL: what clipping, few steps and uneven spikes cost.

    NETWORK is a .snn file, MODEL what it was converted from. First come faults, parts of the network that the model
    does not have; then a table of the layers, the layers that lose most, and a verdict. A hundred images are enough.
    """
    snn = open_network(network)
    loaded = load_model(model, weights=weights)
    data = DataOptions(**data_values)
    data = data.fitted(snn.graph.input_shape)
    opened = data.open("test", preprocess=snn.preprocess, shuffle=False)
    found = diagnose(
        loaded.model.to(opened.device),
        snn.to(opened.device),
        Stream(opened.loader, opened.device),
        steps=steps,
        progress=shown(),
        task=task,
        layout=data.layout,
    )
    if as_json:
        print_json({"file": str(network), "model": model, **found.to_dict()})
    else:
        title = f"{network}: {found.method}, T={found.steps}, {found.images} images of {data.data}"
        print_result(found.table(), found.headed(title))
