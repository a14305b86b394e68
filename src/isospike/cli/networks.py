"""Spiking networks of commands: opened, and what they are for the output stream."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from isospike.cli.render import describe_preprocess
from isospike.errors import OptionError
from isospike.messages import counted
from isospike.network import SNN
from isospike.sites import sites_line, tables_line
from isospike.targets.artefact.saving import load


def open_network(path: Path) -> SNN:
    """The network of a ``.snn`` file.

    Raises:
        OptionError: the path is no file but may be a model.
        ArtefactError: the file is no network.
    """
    if path.suffix != ".snn" and not path.exists():
        raise OptionError(
            f"'{path}' is no .snn file; a model is converted first: isospike convert METHOD {path} --data ... "
            "--out NET.snn"
        )
    return load(path)


def network_to_dict(snn: SNN) -> dict[str, Any]:
    """As JSON has it."""
    return {
        "method": snn.provenance.method,
        "task": snn.task.to_dict(),
        "options": snn.provenance.options,
        "sites": list(snn.sites),
        "islands": list(snn.islands),
        "placed": snn.provenance.sites,
        "driven": snn.provenance.driven,
        "tables": snn.provenance.tables,
        "exact_sites": list(snn.exact_sites),
        "kind": snn.kind.value,
        **snn.times.to_dict(),
        "silent": snn.provenance.silent,
        "preprocess": None if snn.preprocess is None else snn.preprocess.to_dict(),
    }


def headline(snn: SNN) -> str:
    """Method, neuron layers and islands."""
    islands = f", {counted(len(snn.islands), 'analogue island')}" if snn.islands else ""
    return f"{snn.provenance.method}, {counted(len(snn.sites), 'neuron layer')}{islands}"


def print_tables(tables: Mapping[str, Sequence[str] | Mapping[str, int]], *, indent: str = "") -> None:
    """What is approximate, where something is."""
    if line := tables_line(tables):
        click.echo(f"{indent}{line}")


def exact_line(in_front: Sequence[str], sites: Sequence[str]) -> str:
    """How far the binary grid of an exact network reaches; empty where no site is behind an island."""
    if len(in_front) == len(sites):
        return ""
    reach = f"{len(in_front)} of {counted(len(sites), 'neuron layer')}"
    return f"{reach}, those in front of the analogue islands; the others are equal up to rounding"


def print_network(snn: SNN) -> None:
    """Input, numbers of steps, silent channels and read-out, a line each."""
    click.echo(f"  input: {describe_preprocess(snn.preprocess)}")
    if snn.provenance.driven:
        click.echo(f"  {sites_line(snn.provenance.sites, snn.provenance.driven)}")
    print_tables(snn.provenance.tables, indent="  ")
    if snn.exact and (line := exact_line(snn.exact_sites, snn.sites)):
        click.echo(f"  equal bit for bit: {line}")
    times = snn.times
    if times.steps is not None:
        click.echo(f"  takes {times.steps} steps, the longest train of a layer; answers after the last one")
    if times.calibrated:
        click.echo(f"  calibrated for {', '.join(map(str, times.calibrated))} steps; runs for no other number")
    if snn.probe:
        click.echo(f"  the first {snn.probe} steps probe; answers come from the steps after them")
    if snn.provenance.silent:
        count = sum(snn.provenance.silent.values())
        names = ", ".join(snn.provenance.silent)
        silent = f"{counted(count, 'threshold')} of silent channels, at {names}"
        click.echo(f"  {silent}: the largest of the layer, or of the network where a layer has no other")
    if times.readout.delay:
        behind = " behind the probe" if snn.probe else ""
        click.echo(
            f"  read-out: mean after the first {times.readout.delay} steps{behind}, over at least "
            f"{times.readout.window}"
        )
