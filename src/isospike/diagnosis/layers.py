"""Every layer of a running network beside the model, image after image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, fx

from isospike.data.reading import Given
from isospike.diagnosis.operator import regions, spectral_norms
from isospike.diagnosis.pairing import Pairing, nodes_by_name, putting_out
from isospike.diagnosis.tally import SiteTally, ceiling_of, envelope, steepest
from isospike.executors import Record, compile
from isospike.graphs.graph import argument, op_of
from isospike.memory_format import channels_last

MEMORY_BUDGET = 256 * 2**20
"""Bytes for the values that are alive at once."""
COPIES = 8
"""How often one value of a layer is there: sums of the run, the model's, differences."""


class Layers:
    """Collects the figures of all sites over the images; memory depends on neither their number nor on T.

    Networks whose neurons need their whole train (`Temporal.whole_train`) are the exception: they hold T steps.

    Args:
        pairing: the network and its model.
        steps: number of steps T.
    """

    def __init__(self, pairing: Pairing, steps: int) -> None:
        self.pairing, self.steps, self.probe = pairing, steps, pairing.snn.probe
        model, spiking = nodes_by_name(pairing.model), nodes_by_name(pairing.snn.graph)
        self.inputs = {site: (_current(model[site]), _current(spiking[site])) for site in pairing.sites}
        self.regions = regions(pairing.model, pairing.sites)
        norms = spectral_norms(pairing.model, pairing.sites)
        steep = {site: steepest(pairing.model.module_of(self.regions[site].site)) for site in pairing.sites}
        growth = {site: None if norm is None else norm * steep[site] for site, norm in norms.items()}
        self.tallies = {site: SiteTally(op_of(model[site]).channel_axis, growth[site]) for site in pairing.sites}
        self.affine = {site: region.module(pairing.model) for site, region in self.regions.items()}
        sources = [op_of(node).name for region in self.regions.values() for node in region.sources]
        self.model_names = _unique([*pairing.sites, *(ours for ours, _ in self.inputs.values()), *sources])
        known = [name for name in sources if name in spiking and self._comparable(model[name], spiking[name])]
        self.spiking_names = _unique([*pairing.sites, *(theirs for _, theirs in self.inputs.values()), *known])
        self.model = putting_out(pairing.ann, self.model_names)
        self.spiking = compile(pairing.snn.averaging(putting_out(pairing.snn.graph, self.spiking_names)))
        elements = sum(torch.Size(op_of(model[name]).shape).numel() for name in self.model_names)
        whole = any(pairing.snn.neuron(site).whole_train for site in pairing.snn.sites)
        self.elements = COPIES * elements * (steps if whole else 1)

    def add(self, given: Given) -> None:
        """Run both on a batch in parts that fit the memory."""
        most = max(1, MEMORY_BUDGET // (self.elements * given.inputs.element_size()))
        for part in given.split(most):
            self._add(part)

    def _add(self, given: Given) -> None:
        watch = lambda name, train: self.tallies[name].fire(train) if name in self.tallies else None  # noqa: E731
        x = given.inputs if given.sequence else channels_last(given.inputs)
        steps = self.spiking.network.steps_like(self.steps)
        run = self.spiking.run(x, steps=steps, record=Record(outputs=False, watch=watch))
        means = dict(zip(self.spiking_names, run.output, strict=True))
        for site in self.pairing.sites:
            means[site] = self.pairing.snn.neuron(site).decoded(means[site])
            self.tallies[site].count(run.spikes[site], means[site][0].numel())
        values = dict(zip(self.model_names, self.model(channels_last(given.still)), strict=True))
        for site in self.pairing.sites:
            self._site(site, values, means)
            self._bound(site, values, means)

    def _site(self, site: str, values: dict[str, Tensor], means: dict[str, Tensor]) -> None:
        """The three parts, alone and in the running network."""
        tally, neuron = self.tallies[site], self.pairing.snn.neuron(site)
        ours, theirs = self.inputs[site]
        a, s = values[site], means[site]
        local = neuron.constant_output(values[ours], steps=self.steps, probe=self.probe)
        even = neuron.constant_output(means[theirs], steps=self.steps, probe=self.probe)
        most = neuron.largest_output(a)
        limited = torch.maximum(torch.minimum(a, most), -most)
        tally.add("size", a)
        tally.add("clipping", limited - a)
        tally.add("quantisation", local - limited)
        tally.add("unevenness", s - even)
        tally.add("local", local - a)
        tally.add("accumulated", s - a)
        tally.saturate(a, s, most)
        ceiling = ceiling_of(self.pairing.model.module_of(self.regions[site].site))
        largest = a if ceiling is None else torch.as_tensor(ceiling).to(a).expand_as(a)
        tally.reach(largest, neuron.bound(a))

    def _bound(self, site: str, values: dict[str, Tensor], means: dict[str, Tensor]) -> None:
        """The terms of the layer-wise bound, where everything that the site reads is known in the network."""
        tally, region = self.tallies[site], self.regions[site]
        names = [op_of(node).name for node in region.sources]
        tally.bounded = tally.bounded and all(name in means for name in names)
        if not tally.bounded:
            return
        activation = self.pairing.model.module_of(region.site)
        current = self.affine[site](*(means[name] for name in names))
        expected = envelope(activation, values[self.inputs[site][0]])
        tally.add("intra", means[site] - envelope(activation, current))
        tally.add("steps", expected - values[site])
        for name in names:
            tally.arrive(name, means[name] - values[name])

    def _comparable(self, ours: fx.Node, theirs: fx.Node) -> bool:
        """Whether the mean of an op between neurons is the model's value of the same op, in the same units."""
        neuron_or_input = op_of(ours).name in self.pairing.sites or ours.op == "placeholder"
        return op_of(ours).shape == op_of(theirs).shape and (neuron_or_input or not self.pairing.snn.exact)


def _current(site: fx.Node) -> str:
    return op_of(argument(site)).name


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))
