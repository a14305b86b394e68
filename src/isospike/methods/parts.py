"""What a method is made of: a scale rule and the neurons that take the place of activations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass

from torch import Tensor, nn

from isospike.capture.graph import Graph, op_of
from isospike.capture.roles import Role
from isospike.neurons import NEAREST, Emitter, IntegrateAndFire, activation_at_rest
from isospike.neurons.quantiser import is_staircase, shift_of
from isospike.pooling import place_max_pools
from isospike.refine import calibrate_bias, put_on_grid
from isospike.refine.bias import PAPERS as BIAS_PAPERS
from isospike.scales.rule import ScaleRule


class Policy(ABC):
    """Which neurons stand in the place of activations."""

    @property
    def papers(self) -> tuple[str, ...]:
        """BibTeX keys of refinements."""
        return ()

    def prepare(self, graph: Graph) -> Graph:
        """The graph that is calibrated; as it is unless a policy says otherwise."""
        return graph

    @abstractmethod
    def neuron(self, bound: Tensor, activation: nn.Module) -> nn.Module:
        """The neuron for one activation, ``bound`` being its saturation value."""

    def place(self, graph: Graph, bounds: dict[str, Tensor]) -> Graph:
        """A view with neurons in the place of activations."""
        spiking = graph.view()
        for node in spiking.nodes_with(Role.ACTIVATION):
            spiking.replace(node, self.neuron(bounds[op_of(node).name], spiking.module_of(node)))
        return spiking

    def refine(self, graph: Graph, spiking: Graph, batches: Iterable[Tensor]) -> Graph:
        """The network corrected on calibration data beside its ANN; as it is unless a policy says otherwise."""
        return spiking

    def finish(self, spiking: Graph, example: Tensor) -> Graph:
        """The network made ready for inputs like ``example``; as it is unless a policy says otherwise."""
        return spiking


@dataclass(frozen=True)
class Streaming(Policy):
    """Integrate-and-fire neurons with a rate code, and a max-pooling rule."""

    v_init: float | None
    """Initial membrane potential, in thresholds; ``None``: the shift of a trained activation, elsewhere 1/2."""
    pooling: str
    """Name of the max-pooling rule."""

    def prepare(self, graph: Graph) -> Graph:
        """With the pooling rule in the place of max pools."""
        return place_max_pools(graph, self.pooling)

    def neuron(self, bound: Tensor, activation: nn.Module) -> nn.Module:
        """Threshold at the bound."""
        share = shift_of(activation, otherwise=0.5) if self.v_init is None else self.v_init
        return IntegrateAndFire(bound, bound * share, activation_at_rest(activation))


@dataclass(frozen=True)
class AccumulateThenEmit(Policy):
    """Neurons that quantise their total input and emit its code; max pools stay as they are."""

    kind: type[Emitter]
    """The neuron."""
    levels: int | None
    """Number of steps K at every site; ``None`` keeps learned ones and takes ``default`` elsewhere."""
    default: int
    """Number of steps where none was learned."""
    phase: float | None = None
    """Phase phi of the quantiser; ``None`` keeps learned ones and rounds to nearest elsewhere."""
    calibrate_bias: bool = True
    """Whether neurons start such that every channel has its mean in the ANN."""
    exact: bool = False
    """Whether the network is put on a grid on which no sum is rounded."""

    def neuron(self, bound: Tensor, activation: nn.Module) -> nn.Module:
        """Unit ``bound / K``."""
        learned = int(activation.levels) if is_staircase(activation) else self.default  # type: ignore[arg-type]
        levels = learned if self.levels is None else self.levels
        learned_phase = shift_of(activation) if is_staircase(activation) else NEAREST
        phase = learned_phase if self.phase is None else self.phase
        unit = bound / levels
        return self.kind(unit, levels, v_init=phase * unit, activation=activation_at_rest(activation))

    @property
    def papers(self) -> tuple[str, ...]:
        """That of the bias calibration, where it is asked for."""
        return BIAS_PAPERS if self.calibrate_bias else ()

    def refine(self, graph: Graph, spiking: Graph, batches: Iterable[Tensor]) -> Graph:
        """With calibrated initial potentials, where that is asked for."""
        return calibrate_bias(graph, spiking, batches) if self.calibrate_bias else spiking

    def finish(self, spiking: Graph, example: Tensor) -> Graph:
        """On the grid, with four times the range of the example, where that is asked for."""
        return put_on_grid(spiking, 4 * example.abs().max().item()) if self.exact else spiking


@dataclass(frozen=True)
class Parts:
    """What a method is made of."""

    scale: ScaleRule
    """How thresholds are found."""
    neurons: Policy
    """What takes the place of activations."""

    @property
    def papers(self) -> tuple[str, ...]:
        """BibTeX keys of what the parts add to the method's own."""
        return (*self.scale.papers, *self.neurons.papers)
