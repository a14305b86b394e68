"""When the answer of a streaming network is read: behind a probe, and after a delay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isospike.calibrate.batches import Batches
from isospike.calibrate.delay import measure_delay
from isospike.graphs.graph import Graph
from isospike.network import ReadOut

Delay = int | Literal["measured"]


@dataclass(frozen=True)
class Schedule:
    """Steps that the answer leaves out; with none it is the plain mean over all steps."""

    delay: Delay = 0
    """Steps in which the first spikes are on their way (delayed evaluation, Bu et al. 2025), or measured on a batch."""
    probe: int = 0
    """Steps in which neurons probe: they start anew behind them."""

    @property
    def papers(self) -> tuple[str, ...]:
        """BibTeX keys: that of a delay."""
        return ("bu2025inference",) if self.delay else ()

    def read_out(self, graph: Graph, batches: Batches) -> ReadOut:
        """The read-out of a graph with neurons."""
        delay = measure_delay(graph, batches.first) if isinstance(self.delay, str) else self.delay
        return ReadOut(delay, probe=self.probe)


EVERY_STEP = Schedule()
"""The mean over all steps."""
