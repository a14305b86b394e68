"""``isospike account NET.snn``: operations and energy after each number of steps, beside the ANN's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from isospike.cli import options
from isospike.cli.data import DataOptions
from isospike.cli.networks import open_network
from isospike.cli.progress import Stream, shown
from isospike.cli.render import describe_preprocess, print_json, print_result
from isospike.cli.steps import default_steps
from isospike.costs import (
    Costs,
    Energy,
    EnergyModel,
    Memory,
    Reference,
    account,
    energy_model_called,
    energy_models,
    memory_of,
    reference_costs,
)
from isospike.costs.accounted import accounted, frames_of
from isospike.costs.amounts import Amounts
from isospike.results import columns_of
from isospike.tables import Column, Table
from isospike.units import energy_unit

SHOWN = ("spikes", "synops", "synops_by_rate", "macs", "neuron_updates")
"""Counts of the terminal; --json has all."""


@click.command(short_help="Count operations and energy beside those of the ANN.")
@options.network_options
@click.option(
    "--energy-model",
    default="45nm-fp32",
    show_default=True,
    help=f"{', '.join(energy_models)}, or a TOML file with figures of your own.",
)
@click.option("--by", type=click.Choice(["site", "op"]), help="Split the costs at the largest number of steps.")
@options.json_option
def account_command(
    *,
    network: Path,
    steps: tuple[int, ...] | None,
    energy_model: str,
    by: str | None,
    as_json: bool,
    **data_values: Any,
) -> None:
    """Count what a network costs per image, beside its ANN and the ANN quantised to as many bits as the spikes carry.

    NETWORK is a .snn file; images are prepared as it was converted with, unless --size, --mean or --std say otherwise.
    What is not counted is named.
    """
    model = energy_model_called(energy_model)
    data = DataOptions(**data_values)
    snn = open_network(network)
    data = data.fitted(snn.graph.input_shape)
    opened = data.open("test", preprocess=snn.preprocess, shuffle=False)
    snn = snn.to(opened.device)
    images = Stream(opened.loader, opened.device, dtype=snn.reference_tensor.dtype)
    found = account(snn, images, steps=steps or default_steps(snn), progress=shown(), layout=data.layout)
    reference, last, memory = reference_costs(snn), found[max(found)], memory_of(snn)
    if as_json:
        source = {"file": str(network), "method": snn.provenance.method, "options": snn.provenance.options}
        used = None if opened.preprocess is None else opened.preprocess.to_dict()
        whole = accounted(found, reference=reference, model=model, memory=memory)
        print_json({**whole.to_dict(), **source, "data": data.data, "preprocess": used})
        return
    _print(f"{network}: {snn.provenance.method} on {last.images} images of {data.data}", found, reference, model)
    if by is not None:
        _print_parts(by, last, model)
    click.echo(f"memory: {_in_words(memory)}")
    click.echo(f"energy model {model.name}: {_figures(model)}; {model.source}")
    for what in (*last.not_counted(), *model.left_out()):
        click.echo(f"not counted: {what}")
    click.echo(f"input: {describe_preprocess(opened.preprocess)}")


def _print(title: str, found: dict[int, Costs], reference: Reference, model: EnergyModel) -> None:
    rows = [("ANN", {"macs": reference.macs}, reference.energy(model))]
    for steps, costs in found.items():
        bits = sorted(set(reference.bits(steps).values()))
        label = f"  quantised ANN, {bits[0] if len(bits) == 1 else f'{bits[0]} to {bits[-1]}'} bits"
        rows.append((f"T={steps}", costs.total().to_dict(), costs.energy(model)))
        rows.append((label, {"macs": reference.macs}, reference.quantised_energy(model, steps)))
        rows.append(("  the same, bit by bit", {"macs": reference.macs}, reference.bit_serial_energy(model, steps)))
    frames = Column("frames_per_second_per_watt", "frames/s/W", "", 0)
    table = _table("per image", title, rows)
    whole = tuple((*row, frames_of(energy)) for row, (_, _, energy) in zip(table.rows, rows, strict=True))
    print_result(replace(table, columns=(*table.columns, frames), rows=whole))


def _print_parts(by: str, costs: Costs, model: EnergyModel) -> None:
    parts = costs.by_site() if by == "site" else costs.by_op()
    rows = [(name, amounts.to_dict(), amounts.energy(model)) for name, amounts in parts.items()]
    print_result(_table(by, f"by {by}, T={costs.steps}", rows))


def _table(what: str, title: str, rows: Sequence[tuple[str, Mapping[str, Any], Energy]]) -> Table:
    """Counts and energy, one row for each name."""
    shown = [column for column in columns_of(Amounts) if column.key in SHOWN]
    unit = energy_unit(energy.total for _, _, energy in rows)
    columns = (
        Column("name", what),
        *(replace(column, unit="") for column in shown),
        Column("energy_pj", f"{unit.name}/image", "", 2, factor=unit.factor),
    )
    cells = tuple(
        (name, *(counts.get(column.key, "") for column in shown), energy.total) for name, counts, energy in rows
    )
    return Table("account", title, columns, cells)


def _in_words(memory: Memory) -> str:
    """Bytes of the network, and of the sets of a calibrated one."""
    parts = [f"{memory.network_bytes:,} bytes of tensors"]
    return ", ".join(parts + [f"{count:,} more for T={steps}" for steps, count in memory.set_bytes.items()])


def _figures(model: EnergyModel) -> str:
    named = {"MAC": model.mac_pj, "synop": model.ac_pj, "neuron update": model.update_pj, "byte": model.byte_pj}
    return ", ".join(f"{what} {pj:g} pJ" for what, pj in named.items() if pj is not None)
