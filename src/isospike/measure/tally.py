"""Scores and events of one network, added up over batches."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from isospike.executors import DEFAULT_MEMORY_BUDGET, Record, Run, compile
from isospike.graphs.graph import Graph
from isospike.inputs import Inputs
from isospike.memory_format import channels_last
from isospike.network import SNN
from isospike.tasks import Judge, Score


@dataclass
class Counts:
    """What was counted after one number of steps, over all samples."""

    score: Score
    """Of the answers against targets."""
    agreement: Score
    """Of the answers against the ANN's."""
    spikes: int = 0
    """What the events of all sites are worth."""
    packets: int = 0
    """How many events there were."""


class Tally:
    """Runs a network on batches and counts; one run gives all numbers of steps.

    A network that was calibrated for several numbers of steps runs once for each.

    Args:
        snn: the network.
        judge: how its answers are judged.
        at: the numbers of steps, rising.
        executor: see `simulate`.
        memory_budget: see `simulate`.
    """

    def __init__(
        self,
        snn: SNN,
        judge: Judge,
        at: tuple[int, ...],
        *,
        executor: str | None = None,
        memory_budget: int = DEFAULT_MEMORY_BUDGET,
    ) -> None:
        self.compiled, self.judge, self.memory_budget = compile(snn, executor), judge, memory_budget
        self.samples = 0
        self.seconds = 0.0
        self.ann = judge.score()
        self.counts = {t: Counts(judge.score(), judge.agreement()) for t in at}

    def run(self, inputs: Inputs) -> list[Run]:
        """Run a batch of samples ``[B, ...]`` or of sequences ``[T, B, ...]``."""
        at = tuple(self.counts)
        started = time.perf_counter()
        runs = [
            self.compiled.run(
                inputs,
                steps=answers[-1],
                record=Record(outputs=False, at=answers),
                memory_budget=self.memory_budget,
            )
            for answers in self.compiled.network.runs_for(at)
        ]
        self.seconds += time.perf_counter() - started
        return runs

    def count(self, runs: list[Run], targets: Any, expected: Any) -> None:
        """Count what runs of a batch gave.

        Args:
            runs: as `run` returned them.
            targets: as the judge read them, where there are some.
            expected: what the judge decided of the ANN's outputs.
        """
        self.samples += len(next(iter(runs[0].spikes.values()))[0])
        if targets is not None:
            self.ann.update(expected, targets)
        for run in runs:
            for t, answer in run.answers.items():
                counts, found = self.counts[t], self.judge.decide(answer)
                counts.agreement.update(found, expected)
                counts.spikes += sum(int(spikes[:t].sum()) for spikes in run.spikes.values())
                counts.packets += sum(int(packets[:t].sum()) for packets in run.packets.values())
                if targets is not None:
                    counts.score.update(found, targets)


def decided(judge: Judge, ann: Graph, inputs: Inputs) -> Any:
    """What the judge decides of the ANN's outputs for samples ``[B, ...]``."""
    return judge.decide(ann(channels_last(inputs)))
