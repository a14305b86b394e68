"""What methods whose parameters depend on the number of steps have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

from isospike.activations.activation import Granularity
from isospike.methods.method import Method
from isospike.methods.parts import Parts, learned_or
from isospike.methods.streaming import StreamingMethod
from isospike.neurons.streaming_neuron import Largest, streaming
from isospike.options import Count, OneOf, Rising
from isospike.refine.refinement import Refinement
from isospike.scales.rule import RuleName


@dataclass(frozen=True, kw_only=True)
class CalibratedMethod(StreamingMethod):
    """A method that makes one network for several numbers of steps, each with parameters of its own."""

    needs: ClassVar[str] = "calibration images; the numbers of steps"

    granularity: Granularity = "channel"
    steps: Annotated[tuple[Count, ...], Rising()] = (4, 8, 16, 32)
    """Numbers of steps T to calibrate for; the network runs for these."""
    scale: RuleName = "mmse"
    """Rule that finds the bound of a site that has learned none, told T; learned refuses such sites."""
    neuron: Annotated[str, OneOf(streaming)] = "integrate-and-fire"
    """The neurons."""
    largest: Largest | None = None
    """Largest spike of burst, buffered and graded neurons; by default the neuron's own."""
    average_pool_neurons: bool = False
    """Give average pools neurons of their own, as spiking depthwise convolutions (Li et al. 2021); otherwise they are
    linear, which loses less."""

    def __post_init__(self) -> None:
        """Refuse events that the neurons do not send."""
        super().__post_init__()
        self._require_largest(self.neuron, self.largest)

    @abstractmethod
    def refinements(self) -> tuple[Refinement, ...]:
        """What is corrected for each number of steps, in order."""

    @property
    def horizons(self) -> tuple[int, ...]:
        """The numbers of steps to calibrate for."""
        return self.steps

    def for_steps(self, steps: Sequence[int]) -> tuple[tuple[Method, tuple[int, ...]], ...]:
        """One configuration for each: a network does not depend on what else was asked for."""
        return tuple((replace(self, steps=(at,)), (at,)) for at in steps)

    def parts(self) -> Parts:
        """Those for the largest number of steps."""
        return self.parts_for(self.steps[-1])

    def parts_for(self, steps: int | None) -> Parts:
        """A scale rule that knows T, neurons and refinements."""
        assert steps is not None
        kind = streaming[self.neuron]
        options = kind.sizes(self.largest, capped=False)
        levels = steps * kind.spikes_to_bound(**options)
        scale = learned_or(self.scale, self.granularity, levels=levels, phase=self._phase())
        return self._streaming(
            scale,
            self.neuron,
            refinements=self.refinements(),
            largest=self.largest,
            average_pool_neurons=self.average_pool_neurons,
        )
