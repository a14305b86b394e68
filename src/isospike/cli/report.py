"""``isospike report COMPARISON.json``: a comparison as one HTML page and as figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from isospike.cli import options
from isospike.cli.data import DataOptions
from isospike.cli.networks import open_network
from isospike.cli.render import print_json
from isospike.data.parts import parts
from isospike.data.stream import stream
from isospike.errors import OptionError
from isospike.inputs import Inputs
from isospike.messages import counted
from isospike.report import (
    Raster,
    check_figures,
    check_page,
    costs_of_account,
    read,
    record_raster,
    write_figures,
    write_report,
)


@click.command(short_help="Write a comparison as one HTML page, and its figures for a paper.")
@click.argument("comparison", type=click.Path(path_type=Path))
@click.option("--diagnosis", type=click.Path(path_type=Path), help="JSON of isospike diagnose: errors by site.")
@click.option("--costs", type=click.Path(path_type=Path), help="JSON of isospike account: costs at its largest T.")
@click.option("--title", help="Title of the page [default: the name of COMPARISON].")
@click.option("--network", type=click.Path(path_type=Path), help="A .snn file whose spikes for one image are shown.")
@click.option(
    "--image", type=click.IntRange(min=0), default=0, show_default=True, help="Place of that image in --data."
)
@click.option("--steps", type=int, help="Steps of a streaming network.")
@click.option("--neurons", type=int, default=16, show_default=True, help="Neurons shown of each site.")
@options.image_options
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The .html file to write.")
@click.option("--figures", type=click.Path(path_type=Path), help="Folder for all charts as SVG, PNG and CSV.")
@options.json_option
def report_command(
    *,
    comparison: Path,
    diagnosis: Path | None,
    costs: Path | None,
    title: str | None,
    network: Path | None,
    image: int,
    steps: int | None,
    neurons: int,
    out: Path,
    figures: Path | None,
    as_json: bool,
    **data_values: Any,
) -> None:
    """Write COMPARISON, the JSON of isospike compare, as one HTML page that works offline.

    With --figures every chart is written as SVG and PNG, and every chart and table as CSV. The spikes of one image are
    shown with --network and --data.
    """
    check_page(out)
    if figures is not None:
        check_figures(figures)
    shown: dict[str, Any] = {
        "comparison": read(comparison, "comparison"),
        "diagnosis": None if diagnosis is None else read(diagnosis, "diagnosis"),
        "costs": None if costs is None else costs_of_account(read(costs, "account")),
    }
    about = {"title": title or comparison.stem, "Comparison": comparison.name}
    data = data_values["data"]
    if (network is None) != (data is None):
        raise OptionError("--network and --data belong together: whose spikes are shown, and for which image")
    source = click.get_current_context().get_parameter_source
    of_spikes = [f"--{name}" for name in ("image", "steps", "neurons") if source(name) is ParameterSource.COMMANDLINE]
    if network is None and of_spikes:
        raise OptionError(
            f"without --network there are no spikes for {' and '.join(of_spikes)}; give --network and --data"
        )
    if network is not None:
        shown["raster"] = _raster(network, image, steps, neurons, data_values)
        about |= {"Spikes of": f"{network.name}, image {image} of {data}"}
    write_report(out, **shown, about=about)
    written = [] if figures is None else write_figures(figures, **shown)
    if as_json:
        print_json({"file": str(out), "bytes": out.stat().st_size, "figures": [str(path) for path in written]})
        return
    click.echo(f"{out}: {out.stat().st_size / 1e6:.1f} MB, one file that works offline")
    if figures is not None:
        click.echo(f"{figures}: {counted(len(written), 'file')}")


def _raster(network: Path, image: int, steps: int | None, neurons: int, data_values: dict[str, Any]) -> Raster:
    """The spikes of the chosen image."""
    snn = open_network(network)
    data = DataOptions(images=None, batch_size=1, **data_values)
    data = data.fitted(snn.graph.input_shape)
    opened = data.open("test", preprocess=snn.preprocess, shuffle=False)
    x = _image(opened.loader, image, data.data, names=snn.graph.input_names).to(
        opened.device, snn.reference_tensor.dtype
    )
    return record_raster(snn.to(opened.device), x, steps, neurons_per_site=neurons)


def _image(loader: Iterable[Any], place: int, data: str, *, names: Sequence[str]) -> Inputs:
    """One image ``[1, ...]``, or the inputs of these names; finished batches may hold several.

    Raises:
        OptionError: the data have fewer images.
    """
    seen = 0
    for number, batch in enumerate(stream(loader), 1):
        inputs: Inputs = parts(batch, number, names)[0]
        if place < seen + len(inputs):
            return inputs[place - seen : place - seen + 1]
        seen += len(inputs)
    raise OptionError(f"--image {place}: {data} holds {counted(seen, 'image')}; count from 0")
