"""``isospike verify NET.snn MODEL``: the certificate of equality."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import torch

from isospike.cli import options
from isospike.cli.data import DataOptions
from isospike.cli.networks import open_network
from isospike.cli.progress import Stream, shown
from isospike.cli.render import print_json, print_result
from isospike.measure import verify
from isospike.models import load_model
from isospike.neurons import Kind

STEPS = 32
"""Steps after which a streaming network is measured by default."""


@click.command(short_help="Compare a network with the model it was converted from, code for code.")
@click.argument("network", type=click.Path(path_type=Path))
@click.argument("model")
@options.weights_option
@options.data_options
@click.option("--steps", type=int, help=f"Steps of a streaming network [default: {STEPS}; else the network's own].")
@click.option(
    "--dtype",
    type=click.Choice(["float64", "float32"]),
    default="float64",
    show_default=True,
    help="Number format in which both are run.",
)
@options.executor_option("layer, or every one where the network emits after accumulating")
@options.task_option
@options.json_option
def verify_command(
    *,
    network: Path,
    model: str,
    weights: Path | None,
    steps: int | None,
    dtype: str,
    executor: str | None,
    task: str | None,
    as_json: bool,
    **data_values: Any,
) -> int:
    """Compare every code, spike and output of NETWORK with those of the quantised MODEL.

    NETWORK is a .snn file, MODEL what it was converted from. Exit code 0: equal; 1: not, with the first site and
    neuron that differ. Codes behind an analogue island that a rounding moves by one level are counted; they are no
    difference. A streaming network is measured, not proven: its errors are printed, with exit code 0.
    """
    snn = open_network(network)
    loaded = load_model(model, weights=weights)
    data = DataOptions(**data_values)
    data = data.fitted(snn.graph.input_shape)
    opened = data.open("test", preprocess=snn.preprocess, shuffle=False)
    certificate = verify(
        loaded.model.to(opened.device),
        snn.to(opened.device),
        Stream(opened.loader, opened.device),
        steps=snn.settled_steps(steps) or STEPS,
        dtype=getattr(torch, dtype),
        progress=shown(),
        task=task,
        layout=data.layout,
        executor=executor,
    )
    if as_json:
        print_json({"file": str(network), "model": model, **certificate.to_dict()})
    else:
        print_result(certificate.table(), f"{network}: {certificate.method}")
    return 0 if certificate.equal or snn.kind is Kind.STREAMING else 1
