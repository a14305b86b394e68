"""Networks that answer when every layer has emitted its train."""

from __future__ import annotations

from isospike.errors import SimulationError
from isospike.graphs.graph import Graph
from isospike.network.network import SNN
from isospike.network.times import Times
from isospike.network.trains import TrainProgram, compile_trains
from isospike.neurons import Emitter, Kind

NO_EARLIER_ANSWER = "its neurons emit only after their whole input has arrived, so no earlier answer exists"


class EmittingNetwork(SNN):
    """A network whose neurons accumulate their whole input, then emit a code: its number of steps is its own.

    The answer, the sum of the outputs over the last trains, exists at the end.
    """

    kind = Kind.EMITTING

    @property
    def steps(self) -> int:
        """Length T of the longest train.

        Layers work one after the other, so one image takes the sum of the trains along the longest path; images
        behind each other can enter every T steps.
        """
        return max(self.neuron(site).steps for site in self.sites)

    @property
    def times(self) -> Times:
        """Its own number of steps."""
        return Times(steps=self.steps)

    def trains(self) -> TrainProgram:
        """How long the train of every node is, and of which code."""
        return compile_trains(self.graph)

    def neuron(self, site: str) -> Emitter:
        """See `SNN.neuron`."""
        neuron = super().neuron(site)
        assert isinstance(neuron, Emitter)
        return neuron

    def with_graph(self, graph: Graph) -> EmittingNetwork:
        """See `SNN.with_graph`."""
        return EmittingNetwork(graph, self.profile)

    def averaging(self, graph: Graph) -> EmittingNetwork:
        """See `SNN.averaging`."""
        return self.with_graph(graph)

    def timing(self) -> TrainProgram:
        """That of its trains."""
        return self.trains()

    def settled_steps(self, steps: int | None) -> int:
        """Its own.

        Raises:
            SimulationError: others were asked for.
        """
        if steps not in (None, self.steps):
            raise SimulationError(
                f"this network takes {self.steps} steps, {steps} were asked for; {NO_EARLIER_ANSWER}: leave steps "
                "out, or convert again with other bits or levels"
            )
        return self.steps

    def steps_like(self, steps: int) -> int:
        """Its own, whatever that of another."""
        return self.steps
