"""What a method is made of: a scale rule, the neurons that take the place of activations, refinements."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass, replace

from torch import Tensor, nn

from isospike import scales
from isospike.activations.activation import Granularity
from isospike.graphs.graph import Graph, op_of
from isospike.methods.schedule import EVERY_STEP, Schedule
from isospike.neurons import (
    NEAREST,
    Emitter,
    IntegrateAndFire,
    Neuron,
    Probing,
    ResidualMask,
    StreamingNeuron,
    activation_at_rest,
)
from isospike.neurons.levels import at_site
from isospike.neurons.quantiser import has_ceiling, is_signed, is_staircase, shift_of
from isospike.ops import Role
from isospike.pooling import place_average_pool_neurons, place_max_pools
from isospike.pooling import rules as pooling_rules
from isospike.refine.refinement import Refinement
from isospike.scales.rule import ScaleRule
from isospike.sites import as_islands, two_sided_sites


class Policy(ABC):
    """Which neurons stand in the place of activations."""

    def prepare(self, graph: Graph, *, signed: bool) -> Graph:
        """The graph that is calibrated; as it is unless a policy says otherwise.

        Args:
            graph: folded, with all its sites.
            signed: whether the other parts of the method serve values of both signs.
        """
        return graph

    def preparation(self, graph: Graph) -> Hashable:
        """What `prepare` depends on: policies with equal ones are calibrated together."""
        return self

    def at(self, index: int, sites: int) -> Policy:
        """The policy for one of the sites, in order of execution; the same for all unless a policy says otherwise."""
        return self

    @property
    def papers(self) -> tuple[str, ...]:
        """BibTeX keys of neurons and pools."""
        return ()

    @property
    @abstractmethod
    def placed(self) -> type[Neuron]:
        """The neurons that it places."""

    @abstractmethod
    def neuron(self, bound: Tensor, activation: nn.Module) -> nn.Module:
        """The neuron for one activation, ``bound`` being its saturation value."""

    def place(self, graph: Graph, bounds: dict[str, Tensor]) -> Graph:
        """A view with neurons in the place of activations."""
        spiking = graph.view()
        nodes = spiking.nodes_with(Role.ACTIVATION)
        for index, node in enumerate(nodes):
            neuron = self.at(index, len(nodes)).neuron(bounds[op_of(node).name], spiking.module_of(node))
            spiking.replace(node, neuron)
        return spiking


@dataclass(frozen=True)
class Streaming(Policy):
    """Neurons that spike while their input still comes, and rules for pools."""

    kind: type[StreamingNeuron] = IntegrateAndFire
    """The neuron."""
    largest: int | None = None
    """Largest number of spikes in one step; ``None``: the neuron's default."""
    v_init: float | None = 0.5
    """Initial membrane potential, in thresholds; ``None``: the shift of a trained activation, elsewhere 1/2."""
    pooling: str = "cumulative"
    """Name of the max-pooling rule."""
    average_pool_neurons: bool = False
    """Whether average pools of spikes get neurons of their own."""

    @property
    def papers(self) -> tuple[str, ...]:
        """Those of the neuron, the pooling rule, neurons behind average pools, and a start of part of a threshold."""
        start = ("bu2022optimized",) if self.v_init else ()
        average = ("li2021free",) if self.average_pool_neurons else ()
        return (*self.kind.papers, *pooling_rules[self.pooling].papers, *average, *start)

    @property
    def placed(self) -> type[Neuron]:
        """Those of the kind."""
        return self.kind

    def prepare(self, graph: Graph, *, signed: bool) -> Graph:
        """With the pooling rule in the place of max pools, and activations for neurons behind average pools.

        Two-sided functions are islands, ``f`` of the mean current so far, with signed sites behind them that neurons
        can serve.
        """
        sites = two_sided_sites(graph)
        placed = place_max_pools(as_islands(graph, sites, sites if signed else ()), self.pooling)
        return place_average_pool_neurons(placed) if self.average_pool_neurons else placed

    def preparation(self, graph: Graph) -> Hashable:
        """The rule for max pools, where there are some, and whether average pools get neurons."""
        return self.pooling if graph.nodes_with(Role.MAX_POOL) else None, self.average_pool_neurons

    def neuron(self, bound: Tensor, activation: nn.Module) -> nn.Module:
        """Threshold at the bound, or at the part of it that the largest spike has."""
        share = self._share(activation)
        options = self.kind.sizes(self.largest, capped=has_ceiling(activation))
        theta = bound / self.kind.spikes_to_bound(**options)
        return self.kind(theta, theta * share, activation_at_rest(activation), **options)  # type: ignore[arg-type]

    def _share(self, activation: nn.Module) -> float:
        """What a neuron starts with, in thresholds: 1/2 at signed sites, whose values of both signs round alike.

        Neurons that round potentials as they are start at zero.
        """
        if self.kind.rounds_itself:
            return 0.0
        if self.v_init is None or is_signed(activation):
            return shift_of(activation, otherwise=0.5)
        return self.v_init


@dataclass(frozen=True)
class ProbingStreaming(Streaming):
    """Integrate-and-fire neurons that probe before they run."""

    probing: type[Probing] = ResidualMask
    """How they probe."""
    probe_steps: int = 4
    """Steps of the probe."""

    @property
    def placed(self) -> type[Neuron]:
        """Those that probe."""
        return self.probing

    def neuron(self, bound: Tensor, activation: nn.Module) -> nn.Module:
        """Threshold at the bound."""
        neuron = super().neuron(bound, activation)
        assert isinstance(neuron, IntegrateAndFire)
        return self.probing(neuron, self.probe_steps)


@dataclass(frozen=True)
class AccumulateThenEmit(Policy):
    """Neurons that quantise their total input and emit its code; max pools stay as they are."""

    kind: type[Emitter]
    """The neuron."""
    levels: int | tuple[int, ...] | None
    """Levels K of all sites or each; ``None`` keeps learned ones and takes ``default`` elsewhere."""
    default: int
    """Levels where none were learned."""
    phase: float | None = None
    """Phase phi of the quantiser; ``None`` keeps learned ones and rounds to nearest elsewhere."""

    @property
    def placed(self) -> type[Neuron]:
        """Those of the kind."""
        return self.kind

    def preparation(self, graph: Graph) -> Hashable:
        """Nothing: the graph stays as it is."""
        return None, False

    def at(self, index: int, sites: int) -> Policy:
        """With the levels of the site."""
        return self if self.levels is None else replace(self, levels=at_site(self.levels, index, sites))

    def neuron(self, bound: Tensor, activation: nn.Module) -> nn.Module:
        """Unit ``bound / K``."""
        assert not isinstance(self.levels, tuple), "levels of several sites; ask for the policy at one"
        learned = int(activation.levels) if is_staircase(activation) else self.default  # type: ignore[arg-type]
        levels = learned if self.levels is None else self.levels
        learned_phase = shift_of(activation) if is_staircase(activation) else NEAREST
        phase = learned_phase if self.phase is None else self.phase
        unit = bound / levels
        return self.kind(unit, levels, v_init=phase * unit, activation=activation_at_rest(activation))


@dataclass(frozen=True)
class Parts:
    """What a method is made of."""

    scale: ScaleRule
    """How thresholds are found."""
    neurons: Policy
    """What takes the place of activations."""
    refinements: tuple[Refinement, ...] = ()
    """What is corrected on calibration data beside the ANN, in this order."""
    schedule: Schedule = EVERY_STEP
    """Which steps make the answer."""

    def prepare(self, graph: Graph) -> Graph:
        """The graph that is calibrated."""
        return self.neurons.prepare(graph, signed=not self.without_sign())

    def preparation(self, graph: Graph) -> Hashable:
        """What `prepare` depends on: parts with equal ones are calibrated together."""
        return self.neurons.preparation(graph), bool(two_sided_sites(graph)) and not self.without_sign()

    def without_sign(self) -> list[str]:
        """Which of them do not serve activations whose values have both signs, in words."""
        rule = [] if self.scale.serves_signed else [f"the scale rule {self.scale.title()}"]
        neurons = [] if self.neurons.placed.serves_signed else [f"{self.neurons.placed.title()} neurons"]
        return [*rule, *neurons, *(type(one).__name__ for one in self.refinements if not one.serves_signed)]

    @property
    def papers(self) -> tuple[str, ...]:
        """BibTeX keys of what the parts add to the method's own."""
        return (
            *self.scale.papers,
            *self.neurons.papers,
            *(paper for refinement in self.refinements for paper in refinement.papers),
            *self.schedule.papers,
        )


def learned_or(name: str, granularity: Granularity, *, levels: int | tuple[int, ...], phase: float) -> ScaleRule:
    """Learned bounds, elsewhere those of the rule called ``name``, told the quantiser that it serves.

    Raises:
        UnknownNameError: no such rule.
    """
    if name == "learned":
        return scales.LearnedRule(granularity)
    return learned_or_rule(scales.make_rule(name, granularity=granularity, levels=levels, phase=phase))


def learned_or_rule(rule: ScaleRule) -> ScaleRule:
    """Learned bounds, elsewhere those of a rule."""
    return scales.LearnedRule(rule.granularity, otherwise=rule)
