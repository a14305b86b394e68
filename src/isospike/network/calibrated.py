"""Networks that were calibrated for some numbers of steps, with a set of tensors for each."""

from __future__ import annotations

import copy
from collections.abc import Container, Mapping

from torch import Tensor, nn

from isospike.errors import SimulationError
from isospike.graphs.changed import changed_tensors
from isospike.graphs.graph import Graph
from isospike.graphs.reading import with_tensors_to_read
from isospike.memory_format import weights_channels_last
from isospike.network.profile import Profile
from isospike.network.streaming import StreamingNetwork
from isospike.network.times import Times
from isospike.options import is_whole


class CalibratedNetwork(StreamingNetwork):
    """A streaming network with a set of tensors for each number of steps it was calibrated for; it runs for no other.

    Args:
        graph: see `StreamingNetwork`.
        profile: see `StreamingNetwork`.
        sets: for every number of steps, the tensors of the graph that it replaces, by name.
    """

    def __init__(self, graph: Graph, profile: Profile, sets: Mapping[int, Mapping[str, Tensor]]) -> None:
        super().__init__(graph, profile)
        trained = {name for name, _ in graph.named_parameters()}
        made = {str(steps): TensorSet(tensors, parameters=trained) for steps, tensors in sorted(sets.items())}
        self.sets = nn.ModuleDict(made)
        weights_channels_last(self.sets)

    @property
    def calibrated(self) -> tuple[int, ...]:
        """The numbers of steps that the network was calibrated for, rising."""
        return tuple(int(steps) for steps in self.sets)

    @property
    def times(self) -> Times:
        """Those it was calibrated for."""
        return Times(calibrated=self.calibrated, readout=self.readout)

    def at(self, steps: int) -> CalibratedPart:
        """The network as it was calibrated for ``steps`` steps: it gives answers up to then, and can be continued.

        It is a network of its own, with a copy of every tensor: moved, cast, changed or saved, it leaves this one as
        it is.

        Raises:
            SimulationError: it was not calibrated for this number of steps; the message says for which.
        """
        return copy.deepcopy(self._part(steps, self.graph.with_tensors(self._set_for(steps))))

    def for_steps(self, steps: int | None) -> CalibratedPart:
        """As `at`, but of nodes and tensors that it shares with this one: to be run, not changed.

        Raises:
            SimulationError: it was not calibrated for this number of steps; the message says for which.
        """
        return self._part(steps, with_tensors_to_read(self.graph, self._set_for(steps)))

    def _part(self, steps: int | None, graph: Graph) -> CalibratedPart:
        assert steps is not None, "there is no set for it"
        return CalibratedPart(graph, self.profile, horizon=steps, base=self.graph)

    def _set_for(self, steps: int | None) -> dict[str, Tensor]:
        known = ", ".join(map(str, self.calibrated))
        if steps is None:
            raise SimulationError(
                f"this network was calibrated for {known} steps; say which with steps=, or pick one with "
                "snn.at(steps) to run it in parts"
            )
        if steps not in self.calibrated or not is_whole(steps):
            raise SimulationError(f"this network was not calibrated for {steps!r} steps, but for {known}")
        return self.tensor_sets[steps]

    def runs_for(self, at: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Each by itself."""
        return [(steps,) for steps in at]

    @property
    def tensor_sets(self) -> dict[int, dict[str, Tensor]]:
        """All sets."""
        return {int(steps): module.tensors() for steps, module in self.sets.items() if isinstance(module, TensorSet)}

    def with_graph(self, graph: Graph) -> CalibratedNetwork:
        """See `SNN.with_graph`; the graph has the names of this one."""
        return CalibratedNetwork(graph, self.profile, self.tensor_sets)


class CalibratedPart(StreamingNetwork):
    """A calibrated network at one of its numbers of steps: it answers up to it and can be continued until then.

    Args:
        graph: with the tensors of that number of steps.
        profile: what is known of the network besides.
        horizon: the number of steps.
        base: the same graph before it was calibrated.
    """

    def __init__(self, graph: Graph, profile: Profile, *, horizon: int, base: Graph) -> None:
        super().__init__(graph, profile)
        self.horizon = horizon
        self.base = base

    @property
    def times(self) -> Times:
        """The one number of steps, of a file too."""
        return Times(calibrated=(self.horizon,), readout=self.readout)

    @property
    def stored_graph(self) -> Graph:
        """The graph before it was calibrated."""
        return self.base

    @property
    def tensor_sets(self) -> dict[int, dict[str, Tensor]]:
        """What was changed for the number of steps."""
        return {self.horizon: changed_tensors(self.base, self.graph)}

    def ann(self) -> Graph:
        """That of the network before it was calibrated."""
        return StreamingNetwork(self.base, self.profile).ann()

    def check_length(self, steps: int) -> None:
        """Refuse runs beyond the number of steps.

        Raises:
            SimulationError: this one goes there.
        """
        if steps > self.horizon:
            raise SimulationError(
                f"the network was calibrated for {self.horizon} steps, {steps} were asked for; run fewer, or convert "
                "it for more"
            )


class TensorSet(nn.Module):
    """Tensors by dotted name, moved and cast like those of any module.

    Args:
        tensors: the tensors.
        parameters: names of those that stand in the place of parameters, and are some.
    """

    def __init__(self, tensors: Mapping[str, Tensor], *, parameters: Container[str]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            if name in parameters:
                self.register_parameter(name.replace(".", "/"), nn.Parameter(tensor, requires_grad=False))
            else:
                self.register_buffer(name.replace(".", "/"), tensor)

    def tensors(self) -> dict[str, Tensor]:
        """The tensors."""
        own: dict[str, Tensor] = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        return {name.replace("/", "."): tensor for name, tensor in own.items()}
