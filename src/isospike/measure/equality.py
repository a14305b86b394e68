"""Accumulate-then-emit networks beside the quantised ANN: every code, every spike, every output."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from isospike.data.reading import Given
from isospike.errors import SimulationError
from isospike.executors import Record, Run, compile, executors_of
from isospike.graphs import Graph, Role
from isospike.graphs.graph import op_of
from isospike.graphs.verify import RELATIVE_TOLERANCE
from isospike.measure.alongside import Alongside, largest_difference, worst
from isospike.measure.certificate import Certificate, SiteEquality
from isospike.memory_format import channels_last
from isospike.network import EmittingNetwork
from isospike.neurons import Emitter, InputGrid, QuantisedActivation, activation_at_rest
from isospike.refine import put_on_grid
from isospike.sites import with_offsets
from isospike.tasks import Task


@dataclass
class _Tally:
    trained: bool
    codes: int = 0
    wrong_codes: int = 0
    wrong_spikes: int = 0
    first: str = ""


class Equality(Alongside[EmittingNetwork]):
    """The quantised ANN is the model with its own trained quantisers, or with the network's where it has none.

    A network that was converted with other levels than the model was trained with has its own quantisers there too.

    Args:
        folded: the model, captured and folded.
        snn: the network.
        dtype: number format in which both are run.
        task: what the answers are for.
        ann: the model without what is approximate in the network, whose answers the network's are measured by.
        executor: that runs the network; by default every one of its kind does.

    Raises:
        SimulationError: a network on the binary grid in another format than float64, or an executor of other networks.
    """

    def __init__(
        self,
        folded: Graph,
        snn: EmittingNetwork,
        dtype: torch.dtype,
        *,
        task: Task,
        ann: Graph,
        executor: str | None = None,
    ) -> None:
        if snn.exact and dtype is not torch.float64:
            raise SimulationError("a network on the binary grid is exact in float64 only; verify it in float64")
        super().__init__(ann, snn, dtype, task=task)
        self.reference = quantised_ann(folded, self.snn).to(dtype)
        names = [executor] if executor is not None else [*reversed(executors_of(self.snn.kind))]
        self.compiled = {name: compile(self.snn, name) for name in names}
        self.tallies = {site: _Tally(self._is_trained(folded, site)) for site in snn.sites}
        self.expected: dict[str, Tensor] = {}
        self.rows = {op.name: op.rows for op in self.snn.graph.ops}
        for site in snn.sites:
            self.reference.get_submodule(site).register_forward_hook(self._keep(site))

    def _is_trained(self, folded: Graph, site: str) -> bool:
        neuron = self.snn.neuron(site)
        return trained_quantiser(folded.get_submodule(site), neuron) is not None

    def _keep(self, site: str) -> Callable[[nn.Module, tuple[Tensor], Tensor], None]:
        def hook(neuron: nn.Module, args: tuple[Tensor], out: Tensor) -> None:
            assert isinstance(neuron, Emitter)  # as torch types its hooks
            self.expected[site] = neuron.codes(args[0]).long()

        return hook

    def add(self, given: Given) -> None:
        """Run the reference and the network with every executor, and compare."""
        x = channels_last(given.still)
        runs = {name: compiled.run(x, record=Record(codes=True)) for name, compiled in self.compiled.items()}
        answer = self.reference(x)
        for site, tally in self.tallies.items():
            self._add_site(site, tally, runs)
        differences = [largest_difference(run.output, answer) for run in runs.values()]
        self.output_error = worst(self.output_error, *differences)
        self.add_model(x, next(iter(runs.values())).output)

    def _add_site(self, site: str, tally: _Tally, runs: dict[str, Run]) -> None:
        neuron, expected = self.snn.neuron(site), self.expected[site]
        rows = self.rows[site]
        spikes = (neuron.code.encode(expected, neuron.steps) != 0).unflatten(1, (-1, rows)).flatten(2).sum(2)
        codes = {name: run.codes[site] for name, run in runs.items() if run.codes is not None}
        wrong = torch.stack([found != expected for found in codes.values()]).any(0)
        if not tally.first and wrong.any():
            index = tuple(wrong.nonzero()[0].tolist())
            found = ", ".join(f"{int(values[index])} ({name})" for name, values in codes.items())
            neuron_index = [*([index[0] % rows] if rows > 1 else []), *index[1:]]
            where = f"image {self.images + index[0] // rows}, neuron {neuron_index}"
            tally.first = f"{where}: code {found}, quantised ANN {int(expected[index])}"
        tally.codes += expected.numel()
        tally.wrong_codes += int(wrong.sum())
        tally.wrong_spikes += sum(int((run.spikes[site] - spikes).abs().sum()) for run in runs.values())

    def certificate(self) -> Certificate:
        """Exact if nothing differs; outputs within rounding, or on the grid not at all."""
        sites = tuple(SiteEquality(site, **vars(tally)) for site, tally in self.tallies.items())
        equal = not any(site.wrong_codes or site.wrong_spikes for site in sites)
        rounding = 0.0 if self.snn.exact else RELATIVE_TOLERANCE.get(self.dtype, 0.0)
        return self.conclude(sites, steps=self.snn.steps, equal=equal, tolerance=rounding * self.largest)


def trained_quantiser(activation: nn.Module, neuron: Emitter) -> QuantisedActivation | None:
    """The model's own quantiser of a site, where it was trained with as many levels as the neuron has."""
    rest = activation_at_rest(activation)
    return rest if isinstance(rest, QuantisedActivation) and rest.levels == neuron.levels else None


def quantised_ann(folded: Graph, snn: EmittingNetwork) -> Graph:
    """The model with its own or the network's quantisers, on the binary grid if the network is."""
    reference = with_offsets(folded, snn.graph)
    for node in reference.nodes_with(Role.ACTIVATION):
        neuron = snn.neuron(op_of(node).name)
        own = trained_quantiser(folded.module_of(node), neuron)
        unit, v_init = (neuron.unit, neuron.v_init) if own is None else (own.unit, own.v_init)
        reference.replace(node, neuron.rescaled(unit.clone(), v_init.clone(), amplitude=unit.clone()))
    grids = [module for module in snn.graph.modules() if isinstance(module, InputGrid)]
    return put_on_grid(reference, grids[0].limit) if grids else copy.deepcopy(reference)
