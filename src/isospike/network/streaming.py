"""Networks that answer at any step."""

from __future__ import annotations

from dataclasses import replace

from isospike.errors import SimulationError
from isospike.graphs.graph import Graph
from isospike.network.network import SNN
from isospike.network.readout import ReadOut
from isospike.network.times import Times
from isospike.network.timing import CommonClock, Timing
from isospike.neurons import Kind
from isospike.options import Steps, check_arguments


class StreamingNetwork(SNN):
    """A network whose neurons spike while the input still comes: it runs for any number of steps."""

    kind = Kind.STREAMING

    @property
    def readout(self) -> ReadOut:
        """How the outputs of the steps become one answer; it may be set to another."""
        return self.profile.readout

    @readout.setter
    def readout(self, readout: ReadOut) -> None:
        self.profile = replace(self.profile, readout=readout)

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
        return StreamingNetwork(graph, self.profile)

    def averaging(self, graph: Graph) -> StreamingNetwork:
        """See `SNN.averaging`."""
        readout = ReadOut(window=1, probe=self.probe)
        return StreamingNetwork(graph, replace(self.profile, readout=readout, task=None))

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
