"""Events of runs, counted at every neuron and weighed with the synapses behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

import torch
from torch import Tensor

from isospike.costs.costs import CURRENTS, INPUT, CostEntry, Costs
from isospike.costs.wiring import Connection, Wiring
from isospike.data.reading import Given
from isospike.executors import Record, Run, compile
from isospike.graphs.graph import argument, op_of
from isospike.inputs import Inputs
from isospike.network import SNN, TrainProgram
from isospike.neurons import Kind
from isospike.ops import Role


class Ledger(ABC):
    """Whole numbers over all images, for every asked number of steps.

    Args:
        snn: the network.
        wiring: of the network.
        at: numbers of steps in rising order, all answered by one run.
    """

    def __init__(self, snn: SNN, wiring: Wiring, at: tuple[int, ...]) -> None:
        self.snn, self.wiring, self.at = snn, wiring, at
        self.compiled, self.timing = compile(snn), snn.timing()
        self.images = self.sequences = 0
        self.rows = {op_of(node).name: op_of(node).rows for node in snn.graph.op_nodes()}
        self.events = {source: [0] * len(at) for source in wiring.neurons}
        self.synops = {(source, *c.key): [0] * len(at) for c in wiring.connections for source in c.fan_out}
        self.spikes: dict[str, Tensor] = {}
        self.packets: dict[str, Tensor] = {}

    @abstractmethod
    def run(self, x: Inputs) -> Run:
        """One run of images ``[B, ...]``, its events counted."""

    def add(self, given: Given) -> None:
        """Run one batch of images ``[B, ...]``, or of sequences ``[T, B, ...]``.

        Raises:
            SimulationError: images or steps do not fit the network.
        """
        run = self.run(given.inputs)
        self.images += given.samples
        self.sequences += given.samples if given.sequence else 0
        for sums, counts in ((self.spikes, run.spikes), (self.packets, run.packets)):
            for site, count in counts.items():
                sums[site] = sums.get(site, 0) + count.sum(1)

    def by_sample(self, source: str, events: Tensor, axis: int) -> Tensor:
        """The rows of one sample on an axis of their own, behind the batch's, where a sample has several."""
        return events.unflatten(axis, (-1, self.rows[source])) if self.rows[source] > 1 else events

    def _count(self, source: str, index: int, events: Tensor) -> None:
        """Book events ``[...]`` of a source, int64, summed over images and some steps."""
        self.events[source][index] += int(events.sum())
        for connection in self.wiring.connections:
            if source in connection.fan_out:
                self.synops[source, *connection.key][index] += int((events * connection.fan_out[source]).sum())

    def costs(self) -> dict[int, Costs]:
        """The account after each number of steps."""
        return {steps: self._costs(index, steps) for index, steps in enumerate(self.at)}

    def _costs(self, index: int, steps: int) -> Costs:
        flows = [entry for connection in self._used(index) for entry in self._flows(connection, index, steps)]
        return Costs(
            steps=steps,
            images=self.images,
            entries=(*(self._site(site, steps) for site in self.snn.sites), *flows),
            spike_sums={site: tuple(counts[:steps].tolist()) for site, counts in self.spikes.items()},
            packet_sums={site: tuple(counts[:steps].tolist()) for site, counts in self.packets.items()},
            value_bytes=self.snn.reference_tensor.element_size(),
            left_out=self.wiring.not_counted,
        )

    def _used(self, index: int) -> list[Connection]:
        """The connections that events go through: of a product both operands stream, ``A_t S_B(t) + S_A(t-1) B_t``."""
        return list(self.wiring.connections)

    def _synops(self, connection: Connection, index: int) -> dict[str, int]:
        """Synaptic operations by source up to one of the numbers of steps."""
        return {source: sum(self.synops[source, *connection.key][: index + 1]) for source in connection.fan_out}

    def _site(self, site: str, steps: int) -> CostEntry:
        return CostEntry(
            site=site,
            op=site,
            spikes=int(self.spikes[site][:steps].sum()),
            packets=int(self.packets[site][:steps].sum()),
            neuron_updates=self.images * self.wiring.neurons[site] * self._updates(site, steps),
        )

    def _updates(self, site: str, steps: int) -> int:
        """How often one neuron is updated."""
        (node,) = (node for node in self.snn.graph.nodes_with(Role.ACTIVATION) if op_of(node).name == site)
        return self.timing.updates(node, steps)

    def _flows(self, connection: Connection, index: int, steps: int) -> Iterator[CostEntry]:
        synops_of = self._synops(connection, index)
        for source, (share, everything) in connection.shares.items():
            rate = Fraction(sum(self.events[source][: index + 1]), self.wiring.neurons[source])
            synops = synops_of[source]
            by_rate = rate * connection.padded * Fraction(share, everything)
            yield CostEntry(source, connection.op, synops=synops, synops_by_rate=by_rate)
        if connection.once:
            times = self.images + self.sequences * (steps - 1)  # an image enters once, a sequence at every step
            yield CostEntry(INPUT, connection.op, macs=times * connection.once)
        if connection.each_step:
            macs = connection.macs(steps) - connection.once
            yield CostEntry(CURRENTS, connection.op, macs=self.images * macs)


class StreamingLedger(Ledger):
    """Of a network that answers at any step: trains are watched as they come."""

    def run(self, x: Inputs) -> Run:
        """All steps at once for all that were asked for."""
        self.clock = dict[str, int]()
        return self.compiled.run(x, steps=self.at[-1], record=Record(outputs=False, watch=self._watch))

    def _watch(self, source: str, train: Tensor) -> None:
        """The next steps of a source ``[t, B, ...]``."""
        if source not in self.events:
            return
        start, fired = self.clock.get(source, 0), train != 0
        for index, (first, last) in enumerate(pairwise((0, *self.at))):
            part = fired[max(first - start, 0) : max(last - start, 0)]
            if len(part):
                self._count(source, index, _summed(self.by_sample(source, part, 1)))
        self.clock[source] = start + len(train)


class EmittingLedger(Ledger):
    """Of a network that answers at the end: every train is a function of its code."""

    def run(self, x: Inputs) -> Run:
        """One pass for the codes."""
        run = self.compiled.run(x, steps=self.at[-1], record=Record(outputs=False, at=self.at, codes=True))
        for source, events in self._emitted(run):
            self._count(source, 0, events)
        return run

    def _used(self, index: int) -> list[Connection]:
        """Of a product, ``sum_t A_t B`` with B decoded before, the operand that is cheaper to stream."""
        cheapest: dict[str, Connection] = {}
        for connection in self.wiring.connections:
            if connection.side is not None:
                other = cheapest.setdefault(connection.op, connection)
                costs = [sum(self._synops(one, index).values()) for one in (other, connection)]
                cheapest[connection.op] = other if costs[0] <= costs[1] else connection
        return [c for c in self.wiring.connections if c.side is None or c is cheapest[c.op]]

    def _emitted(self, run: Run) -> Iterator[tuple[str, Tensor]]:
        """Events at every neuron; max pools take the largest code."""
        assert run.codes is not None
        assert isinstance(self.timing, TrainProgram)
        graph, codes = self.snn.graph, dict[object, Tensor]()
        for node, code in self.timing.trains.items():
            name = op_of(node).name
            if name in run.codes:
                codes[node] = run.codes[name]
            elif op_of(node).role is Role.MAX_POOL:
                codes[node] = graph.module_of(node)(codes[argument(node)].double()).long()
            else:
                codes[node] = torch.cat([codes[source] for source in node.all_input_nodes], 1)
            if name in self.events:
                yield name, self.by_sample(name, code.events(codes[node], self.timing.steps[node]), 0).sum(0)


LEDGERS: dict[Kind, type[Ledger]] = {Kind.STREAMING: StreamingLedger, Kind.EMITTING: EmittingLedger}
"""How the events of a network are counted, by what its neurons make of time."""


def _summed(fired: Tensor) -> Tensor:
    """Events ``[t, B, ...]`` summed over steps and images, along memory where channels are last: 7 times faster."""
    return fired.flatten(0, 1).movedim(1, -1).sum(0).movedim(-1, 0)
