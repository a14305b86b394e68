"""Accumulate-then-emit networks beside the quantised ANN: every code, every spike, every output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from isospike.data.reading import Given
from isospike.errors import SimulationError
from isospike.executors import Record, Run, compile, executors_of
from isospike.graphs import Graph
from isospike.graphs.graph import output_leaves
from isospike.graphs.islands import behind_islands
from isospike.inputs import Inputs
from isospike.measure.alongside import Alongside, differences, worst
from isospike.measure.certificate import Certificate, SiteEquality
from isospike.measure.quantised import Answer, QuantisedANN, trained_quantiser
from isospike.memory_format import channels_last
from isospike.network import EmittingNetwork
from isospike.tasks import Task


@dataclass
class _Tally:
    trained: bool
    flipped_codes: int | None
    """``None`` in front of islands."""
    codes: int = 0
    wrong_codes: int = 0
    wrong_spikes: int = 0
    first: str = ""


@dataclass(frozen=True)
class _Group:
    """Executors beside which the quantised ANN answers alike."""

    answer: Answer
    runs: dict[str, Run]


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
        self.reference = QuantisedANN(folded, self.snn, dtype)
        names = [executor] if executor is not None else [*reversed(executors_of(self.snn.kind))]
        self.compiled = {name: compile(self.snn, name) for name in names}
        self.tallies = {site: self._tally(folded, site) for site in snn.sites}
        self.rows = {op.name: op.rows for op in self.snn.graph.ops}
        behind = behind_islands(self.reference.graph)
        self.outputs_behind = [leaf in behind for leaf in output_leaves(self.reference.graph.output_node)]
        self.output_error_in_front = 0.0

    def _tally(self, folded: Graph, site: str) -> _Tally:
        trained = trained_quantiser(folded.get_submodule(site), self.snn.neuron(site)) is not None
        return _Tally(trained, 0 if site in self.reference.behind else None)

    def add(self, given: Given) -> None:
        """Run the reference and the network with every executor, and compare."""
        x = channels_last(given.still)
        runs = {name: compiled.run(x, record=Record(codes=True)) for name, compiled in self.compiled.items()}
        groups = self._grouped(runs, x)
        for site, tally in self.tallies.items():
            self._add_site(site, tally, groups)
        for group in groups:
            for run in group.runs.values():
                self._add_output(differences(run.output, group.answer.output))
        self.add_model(x, next(iter(runs.values())).output)

    def _grouped(self, runs: dict[str, Run], x: Inputs) -> list[_Group]:
        """One pass of the reference for all executors whose codes it follows alike."""
        groups: list[tuple[dict[str, Tensor], _Group]] = []
        for name, run in runs.items():
            codes = run.codes or {}
            known = [group for others, group in groups if self.reference.goes_alike(codes, others)]
            if known:
                known[0].runs[name] = run
            else:
                groups.append((codes, _Group(self.reference.answer(x, codes), {name: run})))
        return [group for _, group in groups]

    def _add_output(self, errors: list[float]) -> None:
        in_front = [error for error, behind in zip(errors, self.outputs_behind, strict=True) if not behind]
        self.output_error = worst(self.output_error, *errors)
        self.output_error_in_front = worst(self.output_error_in_front, *in_front)

    def _add_site(self, site: str, tally: _Tally, groups: list[_Group]) -> None:
        neuron, rows, wrong = self.snn.neuron(site), self.rows[site], dict[str, Tensor]()
        for group in groups:
            expected = group.answer.codes[site]
            spikes = (neuron.code.encode(expected, neuron.steps) != 0).unflatten(1, (-1, rows)).flatten(2).sum(2)
            wrong |= {name: run.codes[site] != expected for name, run in group.runs.items() if run.codes is not None}
            tally.wrong_spikes += sum(int((run.spikes[site] - spikes).abs().sum()) for run in group.runs.values())
        tally.codes += expected.numel()
        anywhere = torch.stack([*wrong.values()]).any(0)
        tally.wrong_codes += int(anywhere.sum())
        if tally.flipped_codes is not None:
            flipped = [group.answer.flipped[site] for group in groups if site in group.answer.flipped]
            tally.flipped_codes += int(torch.stack(flipped).any(0).sum()) if flipped else 0
        if not tally.first and anywhere.any():
            tally.first = self._told(site, tuple(anywhere.nonzero()[0].tolist()), groups)

    def _told(self, site: str, index: tuple[int, ...], groups: list[_Group]) -> str:
        """A code that is wrong: image, index, what it is with every executor, and what it should be."""
        runs = {name: run for group in groups for name, run in group.runs.items()}
        found = {name: int(run.codes[site][index]) for name, run in runs.items() if run.codes is not None}
        rows = self.rows[site]
        neuron_index = [*([index[0] % rows] if rows > 1 else []), *index[1:]]
        expected = {name: int(group.answer.codes[site][index]) for group in groups for name in group.runs}
        should = next(expected[name] for name, code in found.items() if code != expected[name])
        where = f"image {self.images + index[0] // rows}, neuron {neuron_index}"
        codes = ", ".join(f"{code} ({name})" for name, code in found.items())
        return f"{where}: code {codes}, quantised ANN {should}"

    def certificate(self) -> Certificate:
        """Equal if nothing differs but what rounding flips; outputs within rounding, on the grid not at all."""
        sites = tuple(SiteEquality(site, **vars(tally)) for site, tally in self.tallies.items())
        equal = not any(site.wrong_codes or site.wrong_spikes for site in sites)
        if self.snn.exact:
            equal &= self.output_error_in_front == 0
        rounded = any(self.outputs_behind) or not self.snn.exact
        how: dict[str, Any] = {"steps": self.snn.steps, "equal": equal}
        how["tolerance"] = self.reference.rounding * self.largest if rounded else 0.0
        how["flip_tolerance"] = self.reference.rounding if self.reference.behind else None
        return self.conclude(sites, **how)
