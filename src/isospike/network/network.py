"""The spiking network: a graph with neurons in the place of activations, and what is known of it."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from torch import Tensor

from isospike.data.preprocess import Preprocess
from isospike.errors import ConversionError, OtherKindError
from isospike.graphs.ending import check_task
from isospike.graphs.graph import Graph, Spiking, op_of
from isospike.graphs.islands import sites_behind_islands
from isospike.inputs import Inputs
from isospike.memory_format import weights_channels_last
from isospike.network.profile import Profile, Provenance
from isospike.network.times import Times
from isospike.network.timing import Timing
from isospike.neurons import InputGrid, Kind, Neuron, Temporal
from isospike.ops import Role
from isospike.tasks import Task, default_task
from isospike.verbs import verbs


class SNN(Spiking, ABC):
    """A spiking network: an ordinary module, ``snn(x, steps=T)``, or ``snn(x)`` if it has its own number of steps.

    It is what was converted and no more: it holds no state of a run, no batch size and nothing that was compiled, so
    what runs is what would be saved. Its kind, a subclass, says what it makes of time.

    Args:
        graph: the network with neurons in the place of activations; in a streaming one max pools are `Temporal` too.
        profile: what is known of it besides.

    Raises:
        ConversionError: no site, or neurons of another kind.
    """

    kind: ClassVar[Kind]
    """What its neurons make of time."""

    def __init__(self, graph: Graph, profile: Profile) -> None:
        super().__init__()
        if kind_of(graph) is not self.kind:
            raise ConversionError(f"a {type(self).__name__} has {self.kind} neurons, this graph {kind_of(graph)} ones")
        weights_channels_last(graph)
        self.graph = graph.eval()
        self.profile = replace(profile, task=profile.task or default_task(graph.output_shapes))

    @property
    def provenance(self) -> Provenance:
        """How it was made."""
        return self.profile.provenance

    @property
    def preprocess(self) -> Preprocess | None:
        """How images become inputs; whoever knows may set it."""
        return self.profile.preprocess

    @preprocess.setter
    def preprocess(self, preprocess: Preprocess | None) -> None:
        self.profile = replace(self.profile, preprocess=preprocess)

    @property
    def task(self) -> Task:
        """What its answers are for; see `with_task`."""
        assert self.profile.task is not None, "a network settles its task when it is made"
        return self.profile.task

    def __getattr__(self, name: str) -> Any:
        """As of any module; where a network of another kind is taken for a calibrated one, the line says so."""
        if name != "at":
            return super().__getattr__(name)
        own = self.times.own
        runs = f"answers at {', '.join(map(str, own))} steps alone" if own else "runs for any number of steps"
        raise OtherKindError(
            f"at(steps) is of networks that were calibrated for several numbers of steps; this {type(self).__name__} "
            f"{runs}: run it itself"
        )

    def forward(self, x: Inputs, *, steps: int | None = None) -> Any:
        """The answer after ``steps`` steps, structured like the model's output; see `isospike.simulate`."""
        return verbs["answer"](self, x, steps=steps)

    def save(self, path: str | Path) -> None:
        """Write the network to one ``.snn`` file; see `isospike.targets.artefact.saving.save`."""
        verbs["save"](self, path)

    @property
    @abstractmethod
    def times(self) -> Times:
        """At which numbers of steps it answers, as plain data."""

    @abstractmethod
    def with_graph(self, graph: Graph) -> SNN:
        """The network of another graph, with all else as it is here; the graph is shared, not copied."""

    def with_task(self, task: Task) -> Self:
        """The same network for another task; tensors are shared, not copied.

        Raises:
            TaskError: the task does not fit the outputs.
        """
        check_task(task, self.graph)
        twin = copy.copy(self)
        for name in ("_parameters", "_buffers", "_modules"):
            twin.__dict__[name] = dict(self.__dict__[name])
        twin.profile = replace(self.profile, task=task)
        return twin

    @abstractmethod
    def settled_steps(self, steps: int | None) -> int | None:
        """The steps of a run for which ``steps`` were asked: its own where it has them; ``None``: nobody has said.

        Raises:
            SimulationError: it does not answer there.
        """

    def steps_like(self, steps: int) -> int:
        """The steps of a run in the place of one of ``steps`` steps of a network of this kind."""
        return steps

    def for_steps(self, steps: int | None) -> SNN:
        """What answers at a number of steps: the network itself, or a part of it that shares its tensors.

        Raises:
            SimulationError: nothing does.
        """
        return self

    def runs_for(self, at: tuple[int, ...]) -> list[tuple[int, ...]]:
        """Numbers of steps, rising, in groups of those that one run answers."""
        return [at]

    @property
    def tensor_sets(self) -> dict[int, dict[str, Tensor]]:
        """By the number of steps, the tensors of the graph that others stand in the place of there, by name."""
        return {}

    @property
    def stored_graph(self) -> Graph:
        """The graph whose tensors the sets stand in the place of."""
        return self.graph

    def ann(self) -> Graph:
        """The network with its activations and max pools back in place: what it was converted from, folded."""
        ann = self.graph.view()
        for node in ann.op_nodes():
            module = ann.module_of(node) if node.op == "call_module" else None
            if isinstance(module, Temporal | Neuron):
                ann.replace(node, module.source())
        return ann

    @abstractmethod
    def averaging(self, graph: Graph) -> SNN:
        """As `with_graph`, but what it answers is the plain mean over all steps behind a probe, or the total."""

    @abstractmethod
    def timing(self) -> Timing:
        """What its nodes make of time."""

    def neuron(self, site: str) -> Neuron:
        """The neurons of a site."""
        neuron = self.graph.get_submodule(site)
        assert isinstance(neuron, Neuron)
        return neuron

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the neuron layers, in order of execution."""
        return self.graph.sites

    @property
    def islands(self) -> tuple[str, ...]:
        """Names of the ops computed on decoded values."""
        return tuple(op_of(node).name for node in self.graph.nodes_with(Role.ANALOGUE))

    @property
    def probe(self) -> int:
        """Steps at the start in which neurons only probe, which no answer takes notice of."""
        return max(self.neuron(site).probe_steps for site in self.sites)

    @property
    def exact(self) -> bool:
        """Whether no sum in front of its islands is rounded; see `isospike.refine.put_on_grid`."""
        return any(isinstance(module, InputGrid) for module in self.graph.modules())

    @property
    def exact_sites(self) -> tuple[str, ...]:
        """Names of the neuron layers on this grid: those that no island takes part in."""
        behind = sites_behind_islands(self.graph)
        return tuple(site for site in self.sites if self.exact and site not in behind)

    @property
    def reference_tensor(self) -> Tensor:
        """A tensor whose device and type are the network's."""
        return next(buffer for buffer in self.graph.buffers() if buffer.is_floating_point())


def kind_of(graph: Graph) -> Kind:
    """What the neurons of a graph make of time.

    Raises:
        ConversionError: there are none, what stands at a site is none, or they are of several kinds.
    """
    if not graph.sites:
        raise ConversionError("the network has no activation that becomes a neuron; nothing would spike")
    modules = {site: graph.get_submodule(site) for site in graph.sites}
    others = {site: type(module).__name__ for site, module in modules.items() if not isinstance(module, Neuron)}
    if others:
        raise ConversionError(f"no neurons stand at the sites {others}; derive them from a class of isospike.neurons")
    kinds = {module.kind for module in modules.values() if isinstance(module, Neuron)}
    if len(kinds) > 1:
        raise ConversionError("the network mixes streaming and accumulate-then-emit neurons; use one kind")
    return kinds.pop()
