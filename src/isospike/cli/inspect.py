"""``isospike inspect MODEL``: what becomes spiking, what stays analogue, and why; or what a ``.snn`` file holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import torch
from torch import Tensor

from isospike.calibrate.batches import Batches
from isospike.cli import options
from isospike.cli.data import DataOptions
from isospike.cli.networks import exact_line, headline, network_to_dict, print_network, print_tables
from isospike.cli.progress import Stream
from isospike.cli.render import print_json, print_table
from isospike.errors import OptionError
from isospike.graphs.export import names_taken
from isospike.inputs import Inputs, as_inputs, each
from isospike.models import LoadedModel, load_model
from isospike.ops import Role
from isospike.part import PartInputs
from isospike.sites import Inspection, Sites, Tables, inspect, sites_line
from isospike.targets.artefact.saving import load


@click.command(short_help="Show what of a model becomes spiking, what stays analogue, and why.")
@click.argument("model")
@options.weights_option
@click.option("--shape", type=options.INTEGERS, help="Shape of one input, e.g. 3,32,32 [default: the model's].")
@options.image_options
@options.part_option
@options.sites_option
@options.tables_option
@options.json_option
def inspect_command(
    *,
    model: str,
    weights: Path | None,
    shape: tuple[int, ...] | None,
    part: str | None,
    sites: Sites,
    tables: Tables,
    as_json: bool,
    **data_values: Any,
) -> None:
    """Show the role of every op of a model before anyone converts it.

    MODEL is torchvision:NAME, timm:NAME, FILE.py:FACTORY or PACKAGE.MODULE:FACTORY; of a .snn file it shows how the
    network was made, for how many steps, and its neuron layers. A model of texts, or of several inputs, is shown what
    it takes by --data.
    """
    if Path(model).suffix == ".snn":
        _inspect_network(Path(model), as_json=as_json)
        return
    loaded = load_model(model, weights=weights)
    example = _of_shape(model, loaded, shape) if data_values["data"] is None else _of_data(loaded, shape, data_values)
    source = loaded.model.to(next(iter(each(example).values())).device)
    if part is not None:
        reaching = PartInputs(source, part, [example if isinstance(example, Tensor) else example.tensors])
        source, example = reaching.part, as_inputs(next(iter(reaching)))
    result = inspect(source, example, sites=sites, tables=tables)
    if as_json:
        print_json({"model": model, "weights": loaded.weights, "input": _shape(example), **result.to_dict()})
        return
    _print(model, result)
    click.echo(f"weights: {loaded.weights}")


def _of_shape(model: str, loaded: LoadedModel, shape: tuple[int, ...] | None) -> Tensor:
    """Noise of the shape asked for, or of the model's own."""
    known = shape or (loaded.example_shape[1:] if loaded.example_shape else None)
    if known is None:
        raise OptionError(
            f"'{model}' does not say what input it takes; give --shape, e.g. --shape 3,32,32, or --data, of texts with "
            "--tokenizer"
        )
    if min(known) < 1:
        raise OptionError(f"--shape must hold sizes of at least 1, got {','.join(map(str, known))}")
    return torch.randn(2, *known, generator=torch.Generator().manual_seed(0))


def _of_data(loaded: LoadedModel, shape: tuple[int, ...] | None, values: dict[str, Any]) -> Inputs:
    """The first batch of the data."""
    if shape is not None:
        raise OptionError("--shape and --data both say what the input is; give one of them")
    data = DataOptions(images=None, batch_size=2, **values)
    opened = data.open("calibration", preprocess=loaded.preprocess, shuffle=False)
    return Batches(Stream(opened.loader, data.torch_device()), names=names_taken(loaded.model)).first


def _shape(example: Inputs) -> Any:
    """The shape of one sample; by name, where there are several inputs."""
    found = {name: list(tensor.shape[1:]) for name, tensor in each(example).items()}
    return found[""] if isinstance(example, Tensor) else found


def _inspect_network(path: Path, *, as_json: bool) -> None:
    snn = load(path)
    if as_json:
        print_json({"file": str(path), **network_to_dict(snn)})
        return
    rows = [[site, type(snn.graph.get_submodule(site)).__name__] for site in snn.sites]
    print_table(f"{path}: {headline(snn)}", ["site", "neuron"], rows, left=2)
    print_network(snn)


def _print(model: str, result: Inspection) -> None:
    rows = [[op.name, op.kind, op.role.value, "x".join(map(str, op.shape)), op.source, op.reason] for op in result.ops]
    print_table(model, ["name", "op", "role", "shape", "source", "why"], rows, left=6)
    click.echo(", ".join(f"{count} {role}" for role, count in result.counts.items() if count))
    click.echo(sites_line(result.sites, result.driven))
    print_tables(result.tables)
    if line := exact_line(result.exact_sites, [op.name for op in result.with_role(Role.ACTIVATION)]):
        click.echo(f"equal bit for bit with --exact: {line}")
    if result.with_role(Role.UNSUPPORTED):
        click.echo("does not convert: replace the unsupported ops")
    elif not result.with_role(Role.ACTIVATION):
        click.echo("does not convert: no activation that a neuron can stand for, so nothing would spike")
    elif result.with_role(Role.ANALOGUE):
        click.echo("converts with --analogue allow: the analogue ops are computed on decoded values")
    else:
        click.echo("converts: every activation becomes spiking")
