"""The spikes of one image: some neurons of every site, all their steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from isospike.errors import SimulationError
from isospike.executors import Record, simulate
from isospike.inputs import Inputs, NamedInputs, as_inputs
from isospike.messages import with_article
from isospike.network import SNN
from isospike.options import Count, check_arguments
from isospike.tables import Column, Table, Tabular

SEED = 0
"""Which neurons are shown is drawn with it, so two runs show the same ones."""


@dataclass(frozen=True)
class Event:
    """One spike or packet."""

    step: int
    """From 1."""
    row: int
    """Place of the neuron among those shown, from 0."""
    value: int
    """How many units it is worth; negative for an inhibitory one."""


@dataclass(frozen=True)
class SiteRaster:
    """The events of one site."""

    site: str
    neurons: tuple[int, ...]
    """Those shown: places in the flattened output of one sample."""
    count: int
    """How many neurons the site has."""
    steps: int
    """Length of its train."""
    events: tuple[Event, ...]


@dataclass(frozen=True)
class Raster(Tabular):
    """The events of all sites for one image."""

    method: str
    kind: str
    """``streaming`` or ``accumulate-then-emit``; the trains of the latter follow each other, site by site."""
    steps: int
    """Length of the longest train."""
    probe: int
    """Steps at the start of which the answer takes no notice."""
    sites: tuple[SiteRaster, ...]

    def table(self) -> Table:
        """Every event of the neurons shown."""
        columns = (
            Column("site", "Site"),
            Column("neuron", "Neuron", "", 0),
            Column("step", "Step", "", 0),
            Column("value", "Units", "", 0),
        )
        rows = tuple(
            (site.site, site.neurons[event.row], event.step, event.value)
            for site in self.sites
            for event in site.events
        )
        return Table("raster-events", "Events of the neurons shown", columns, rows)


def record_raster(
    snn: SNN, x: Inputs | Mapping[str, Tensor], steps: int | None = None, *, neurons_per_site: int = 16
) -> Raster:
    """Run a network on one image and keep the events of some neurons of every site.

    Args:
        snn: the network.
        x: one image ``[1, ...]``, or the inputs of one sample by name.
        steps: number of time steps of a streaming network; an accumulate-then-emit network has its own.
        neurons_per_site: neurons shown of each site; drawn at random with a fixed seed where it has more.

    Raises:
        SimulationError: steps or input do not fit the network, more than one image, or no neuron per site.
    """
    x = as_inputs(x)
    if not isinstance(x, Tensor | NamedInputs) or x.dim() < 2 or len(x) != 1:
        given = list(x.shape) if isinstance(x, Tensor) else with_article(x)
        raise SimulationError(f"a raster shows one image [1, ...], got {given}")
    check_arguments(Count, SimulationError, neurons_per_site=neurons_per_site)
    snn = snn if steps is None else snn.for_steps(steps)
    watch = _Watch(snn, neurons_per_site)
    run = simulate(snn, x, steps=steps, record=Record(outputs=False, spikes=False, watch=watch.see))
    sites = tuple(watch.site(site) for site in snn.sites)
    return Raster(snn.provenance.method, snn.kind.value, run.steps, snn.probe, sites)


class _Watch:
    """Collects the trains of the neurons shown."""

    def __init__(self, snn: SNN, most: int) -> None:
        self._amplitudes = {site: snn.neuron(site).worth for site in snn.sites}
        self._most = most
        self._parts: dict[str, list[Tensor]] = {}
        self._shown: dict[str, tuple[Tensor, int]] = {}

    def see(self, name: str, train: Tensor) -> None:
        """Keep the whole numbers of the next steps ``[t, rows, ...]``, all of one sample; max pools are passed over."""
        if name not in self._amplitudes:
            return
        if name not in self._shown:
            count = train[0].numel()
            drawn = torch.randperm(count, generator=torch.Generator().manual_seed(SEED))[: self._most]
            self._shown[name] = drawn.sort().values, count
        neurons = self._shown[name][0].to(train.device)
        amplitude = self._amplitudes[name].expand(train.shape[1:]).flatten()[neurons]
        worth = amplitude.masked_fill(amplitude == 0, 1)  # a threshold that was set to zero: all it sends is zero
        units = train.flatten(1)[:, neurons] / worth
        self._parts.setdefault(name, []).append(units.round().long().cpu())

    def site(self, name: str) -> SiteRaster:
        """What one site did."""
        train, (neurons, count) = torch.cat(self._parts[name]), self._shown[name]
        places = train.nonzero().tolist()
        events = tuple(Event(step + 1, row, int(train[step, row])) for step, row in places)
        return SiteRaster(name, tuple(neurons.tolist()), count, len(train), events)
