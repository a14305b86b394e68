"""Events of runs, counted at every neuron and weighed with the synapses behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
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
        for connection in self._always():
            if source in connection.fan_out:
                self.synops[source, *connection.key][index] += int((events * connection.fan_out[source]).sum())

    def _always(self) -> list[Connection]:
        """The connections that all events go through: of a product, ``A_t S_B(t) + S_A(t-1) B_t``, both operands."""
        return list(self.wiring.connections)

    def _through(self, connection: Connection, source: str) -> list[int]:
        """Events of a source that go through a connection, for each asked number of steps."""
        return self.events[source]

    def costs(self) -> dict[int, Costs]:
        """The account after each number of steps."""
        return {steps: self._costs(index, steps) for index, steps in enumerate(self.at)}

    def _costs(self, index: int, steps: int) -> Costs:
        flows = [entry for connection in self._used() for entry in self._flows(connection, index, steps)]
        return Costs(
            steps=steps,
            images=self.images,
            entries=(*(self._site(site, steps) for site in self.snn.sites), *flows),
            spike_sums={site: tuple(counts[:steps].tolist()) for site, counts in self.spikes.items()},
            packet_sums={site: tuple(counts[:steps].tolist()) for site, counts in self.packets.items()},
            value_bytes=self.snn.reference_tensor.element_size(),
            left_out=self.wiring.not_counted,
        )

    def _used(self) -> list[Connection]:
        """The connections that an account has."""
        return list(self.wiring.connections)

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
        for source, (share, everything) in connection.shares.items():
            rate = Fraction(sum(self._through(connection, source)[: index + 1]), self.wiring.neurons[source])
            synops = sum(self.synops[source, *connection.key][: index + 1])
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
    """Of a network that answers at the end: every train is a function of its code.

    Of a product, ``sum_t A_t B`` with B decoded before, every image streams the operand that is cheaper for it. Both
    are known before the first spike of either goes out, and so the accounts of images sum up to that of their batch.
    """

    def __init__(self, snn: SNN, wiring: Wiring, at: tuple[int, ...]) -> None:
        super().__init__(snn, wiring, at)
        self.sides = [connection for connection in wiring.connections if connection.side is not None]
        self.streamed = {(source, *side.key): [0] for side in self.sides for source in side.fan_out}
        self.streams = {side.key: 0 for side in self.sides}

    def run(self, x: Inputs) -> Run:
        """One pass for the codes."""
        run = self.compiled.run(x, steps=self.at[-1], record=Record(outputs=False, at=self.at, codes=True))
        operands = [_Operand(side) for side in self.sides]
        for source, events in self._emitted(run):
            self._count(source, 0, events.sum(0))
            for operand in operands:
                if source in operand.connection.fan_out:
                    operand.add(source, events)
        for op in dict.fromkeys(side.op for side in self.sides):
            self._stream_cheapest([operand for operand in operands if operand.connection.op == op])
        return run

    def _stream_cheapest(self, operands: list[_Operand]) -> None:
        """Book for every image the operand of a product that costs it the fewest synaptic operations."""
        cheapest = torch.stack([operand.total() for operand in operands]).argmin(0)
        for place, operand in enumerate(operands):
            here = cheapest == place
            self.streams[operand.connection.key] += int(here.sum())
            for source, (synops, events) in operand.counts.items():
                key = (source, *operand.connection.key)
                self.synops[key][0] += int(synops[here].sum())
                self.streamed[key][0] += int(events[here].sum())

    def _always(self) -> list[Connection]:
        """All but those of products."""
        return [connection for connection in self.wiring.connections if connection.side is None]

    def _through(self, connection: Connection, source: str) -> list[int]:
        """Of an operand of a product, those of the images that stream it."""
        return self.events[source] if connection.side is None else self.streamed[source, *connection.key]

    def _used(self) -> list[Connection]:
        """Of a product, the operands that some image streams."""
        return [c for c in self.wiring.connections if c.side is None or self.streams[c.key]]

    def _emitted(self, run: Run) -> Iterator[tuple[str, Tensor]]:
        """Events of every image at every neuron, ``[B, ...]``; max pools take the largest code."""
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
                yield name, self.by_sample(name, code.events(codes[node], self.timing.steps[node]), 0)


@dataclass
class _Operand:
    """What it costs every image of a batch to stream one operand of a product."""

    connection: Connection
    counts: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)
    """By source, synaptic operations and events of every image, int64 ``[B]``."""

    def add(self, source: str, events: Tensor) -> None:
        """Count events of a source, ``[B, ...]``."""
        synops = events * self.connection.fan_out[source]
        self.counts[source] = synops.flatten(1).sum(1), events.flatten(1).sum(1)

    def total(self) -> Tensor:
        """Synaptic operations of every image."""
        return torch.stack([synops for synops, _ in self.counts.values()]).sum(0)


LEDGERS: dict[Kind, type[Ledger]] = {Kind.STREAMING: StreamingLedger, Kind.EMITTING: EmittingLedger}
"""How the events of a network are counted, by what its neurons make of time."""


def _summed(fired: Tensor) -> Tensor:
    """Events ``[t, B, ...]`` summed over steps and images, along memory where channels are last: 7 times faster."""
    return fired.flatten(0, 1).movedim(1, -1).sum(0).movedim(-1, 0)
