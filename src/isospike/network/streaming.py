"""Networks that answer at any step."""

from __future__ import annotations

from isospike.data.preprocess import Preprocess
from isospike.errors import SimulationError
from isospike.graphs.graph import Graph
from isospike.network.network import SNN, Provenance
from isospike.network.readout import ReadOut
from isospike.network.times import Times
from isospike.network.timing import CommonClock, Timing
from isospike.neurons import Kind
from isospike.options import Steps, check_arguments
from isospike.tasks import Task


class StreamingNetwork(SNN):
    """A network whose neurons spike while the input still comes: it runs for any number of steps.

    Args:
        graph: see `SNN`, as ``provenance`` and ``preprocess``.
        provenance: how it was made.
        preprocess: how images become inputs.
        readout: how the outputs of the steps become one answer; their mean by default.
        task: what its answers are for.
    """

    kind = Kind.STREAMING

    def __init__(
        self,
        graph: Graph,
        *,
        provenance: Provenance,
        preprocess: Preprocess | None = None,
        readout: ReadOut | None = None,
        task: Task | None = None,
    ) -> None:
        super().__init__(graph, provenance=provenance, preprocess=preprocess, task=task)
        self.readout = readout or ReadOut()

    @property
    def times(self) -> Times:
        """Any, after the read-out's delay."""
        return Times(readout=self.readout)

    @property
    def whole_train(self) -> str | None:
        """Name of a neuron layer that needs all steps at once, if there is one."""
        return next((site for site in self.sites if self.neuron(site).whole_train), None)

    def with_graph(self, graph: Graph) -> StreamingNetwork:
        """See `SNN.with_graph`."""
        return StreamingNetwork(
            graph, provenance=self.provenance, preprocess=self.preprocess, readout=self.readout, task=self.task
        )

    def averaging(self, graph: Graph) -> StreamingNetwork:
        """See `SNN.averaging`."""
        readout = ReadOut(window=1, probe=self.probe)
        return StreamingNetwork(graph, provenance=self.provenance, preprocess=self.preprocess, readout=readout)

    def timing(self) -> Timing:
        """One clock for all."""
        return CommonClock()

    def settled_steps(self, steps: int | None) -> int | None:
        """As asked.

        Raises:
            SimulationError: there are no runs of this number of steps.
        """
        check_arguments(Steps | None, SimulationError, steps=steps)
        return steps

    def check_length(self, steps: int) -> None:
        """Refuse runs that the network is not made for; there are none."""
