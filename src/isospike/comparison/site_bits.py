"""Bits of every site of a bit-coded network, lowered one by one while it holds."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Size

from isospike.comparison.entries import Job
from isospike.comparison.race import Candidate, Race
from isospike.graphs.graph import op_of
from isospike.methods.bit_coded import BitCoded
from isospike.ops import Role
from isospike.progress import Report


@dataclass(frozen=True)
class Lowered:
    """What was found."""

    best: Candidate
    """The cheapest network that holds on all images."""
    trials: int
    """How many networks were tried."""


def lower_bits(race: Race, base: Candidate, *, most: int, report: Report) -> Lowered:
    """Lower the bits of sites greedily, the least sensitive first, as long as the network holds.

    How sensitive a site is, is measured: with one bit less there, how much further the outputs are from the ANN's
    (mean squared difference) for every picojoule that is saved, on the smallest part of the images. A site that was
    lowered comes to the end of the queue. A network takes as many steps as its largest number of bits.

    Args:
        race: measures; says what holds.
        base: a network with the same number of bits everywhere, which holds on all images.
        most: how many networks may be tried; at most half of them are for the sensitivities, of the largest sites.
        report: told of every trial.
    """
    method = base.job.method
    assert isinstance(method, BitCoded)
    assert isinstance(method.bits, int)
    trial = _Trials(race, base.job.label, method, most, report)
    best, bits = base, (method.bits,) * len(race.bench.graph.sites)
    trial.prepare(method.bits)
    queue = trial.by_sensitivity(base, bits)
    while queue and trial.left > 0:
        index = queue.pop(0)
        lowered = _lowered(bits, index)
        found = race.confirmed(trial.run(lowered))
        if found is not None and race.cost(found) < race.cost(best):
            best, bits = found, lowered
            queue += [index] if bits[index] > 1 else []
    return Lowered(best, trial.done)


class _Trials:
    def __init__(self, race: Race, label: str, method: BitCoded, most: int, report: Report) -> None:
        self.race, self.label, self.method = race, label, method
        self.most, self.report, self.done = most, report, 0

    @property
    def left(self) -> int:
        return self.most - self.done

    def prepare(self, bits: int) -> None:
        """The thresholds of all sites for all numbers of bits up to this, in one pass."""
        self.race.bench.calibrate(Job(self.label, replace(self.method, bits=fewer), ()) for fewer in range(1, bits + 1))

    def run(self, bits: tuple[int, ...]) -> Candidate:
        (candidate,) = self.race.first_look(Job(self.label, replace(self.method, bits=bits), ()))
        self.done += 1
        self.report("bits of sites", self.done, self.most)
        return candidate

    def by_sensitivity(self, base: Candidate, bits: tuple[int, ...]) -> list[int]:
        """Sites whose bits can be lowered and save energy, the least sensitive first."""
        if bits[0] == 1:
            return []
        bench, part = self.race.bench, self.race.parts[0]
        (same,) = self.race.first_look(base.job)  # the energy on the same images
        distance, energy = bench.distance(base.snn, self.race.reference, part), self.race.cost(same)[0]
        found = []
        for index in self._largest_sites()[: self.most // 2]:
            trial = self.run(_lowered(bits, index))
            saved = energy - self.race.cost(trial)[0]
            further = bench.distance(trial.snn, self.race.reference, part) - distance
            if saved > 0:
                found.append((max(further, 0.0) / saved, index))
        return [index for _, index in sorted(found)]

    def _largest_sites(self) -> list[int]:
        nodes = self.race.bench.graph.nodes_with(Role.ACTIVATION)
        return sorted(range(len(nodes)), key=lambda index: -Size(op_of(nodes[index]).shape).numel())


def _lowered(bits: tuple[int, ...], index: int) -> tuple[int, ...]:
    return (*bits[:index], bits[index] - 1, *bits[index + 1 :])
