"""Right answers and events of one network, added up over batches."""

from __future__ import annotations

import time
from dataclasses import dataclass

from torch import Tensor

from isospike.capture.graph import Graph
from isospike.executors import DEFAULT_MEMORY_BUDGET, Record, Run, compile
from isospike.memory_format import channels_last
from isospike.network import SNN


@dataclass
class Counts:
    """What was counted after one number of steps, over all images."""

    correct: int = 0
    """Answers that are the label."""
    agree: int = 0
    """Answers that are the ANN's class."""
    spikes: int = 0
    """What the events of all sites are worth."""
    packets: int = 0
    """How many events there were."""


class Tally:
    """Runs a network on batches and counts; one run gives all numbers of steps.

    A network that was calibrated for several numbers of steps runs once for each.

    Args:
        snn: a network with one output ``[B, classes]``.
        at: the numbers of steps, rising.
        executor: see `simulate`.
        memory_budget: see `simulate`.
    """

    def __init__(
        self,
        snn: SNN,
        at: tuple[int, ...],
        *,
        executor: str | None = None,
        memory_budget: int = DEFAULT_MEMORY_BUDGET,
    ) -> None:
        self.compiled, self.memory_budget = compile(snn, executor), memory_budget
        self.images = 0
        self.seconds = 0.0
        self.counts = {t: Counts() for t in at}

    def run(self, inputs: Tensor) -> list[Run]:
        """Run a batch of images ``[B, ...]``."""
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

    def count(self, runs: list[Run], labels: Tensor | None, expected: Tensor) -> None:
        """Count what runs of a batch gave.

        Args:
            runs: as `run` returned them.
            labels: classes ``[B]``, where they are known.
            expected: the ANN's classes ``[B]``.
        """
        self.images += len(expected)
        for run in runs:
            for t, answer in run.answers.items():
                counts, classes = self.counts[t], answer.argmax(1)
                counts.agree += int((classes == expected.to(classes.device)).sum())
                counts.spikes += sum(int(spikes[:t].sum()) for spikes in run.spikes.values())
                counts.packets += sum(int(packets[:t].sum()) for packets in run.packets.values())
                if labels is not None:
                    counts.correct += int((classes == labels.to(classes.device)).sum())


def classes_of(ann: Graph, inputs: Tensor) -> Tensor:
    """The ANN's classes ``[B]`` of images ``[B, ...]``."""
    classes: Tensor = ann(channels_last(inputs)).argmax(1)
    return classes
