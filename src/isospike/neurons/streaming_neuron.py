"""What all streaming neurons share: threshold, start, bias over time and the clock."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from isospike.errors import OptionError, SimulationError
from isospike.neurons.quantiser import is_signed
from isospike.neurons.rate import RateNeuron
from isospike.neurons.temporal import EventCounts, Memory
from isospike.options import Range
from isospike.options.forms import form_of
from isospike.registry import Registry

MOST_SPIKES = 2**16
"""Spikes of the largest event: the kernels count 32-bit numbers."""
Largest = Annotated[int, Range(1, MOST_SPIKES, unit="spikes")]
"""Number of spikes that one event can be worth."""


class StreamingNeuron(RateNeuron):
    """A neuron with a rate code in mean form: at step t it puts out ``v_threshold s_t`` with a whole number ``s_t``.

    Args:
        v_threshold: threshold and amplitude in activation units; scalar, ``[C, 1, 1]`` or a whole sample's shape.
        v_init: membrane potential before the first step; scalar, ``[C, 1, 1]`` or a whole sample's shape.
        activation: the activation of the ANN in whose place the neuron stands; a ReLU by default.
        bias: currents of the neuron's own ``[S, ...]``, each as ``v_threshold`` may be. ``S = 1`` adds the same one at
            every step; ``S > 1`` is a schedule, whose run ends after S steps.

    Raises:
        OptionError: the bias has no time axis.
    """

    corrected_over_time = True
    default_largest: ClassVar[int | None] = None
    """Most spikes that one event is worth unless ``largest`` says so; ``None`` for neurons without that argument."""
    largest: int = 1
    """Most spikes that one event is worth."""
    rounds_itself: ClassVar[bool] = False
    """Whether it rounds potentials to nearest as they are, and starts at zero therefore."""
    bias: Tensor | None

    def __init__(
        self, v_threshold: Tensor, v_init: Tensor, activation: nn.Module | None = None, *, bias: Tensor | None = None
    ) -> None:
        super().__init__()
        if bias is not None and (bias.dim() == 0 or len(bias) == 0):
            raise OptionError(f"a neuron's bias has a leading time axis of at least 1; got shape {list(bias.shape)}")
        self.register_buffer("v_threshold", v_threshold)
        self.register_buffer("v_init", v_init)
        self.register_buffer("bias", bias)
        self.activation = nn.ReLU() if activation is None else activation

    @classmethod
    def sizes(cls, largest: int | None, *, capped: bool) -> dict[str, int]:
        """The argument ``largest`` of a neuron that has it: what was asked for, or the default.

        Args:
            largest: most spikes that one event is worth; ``None`` for the neuron's own.
            capped: whether the activation has a ceiling, at which the neuron must saturate.

        Raises:
            OptionError: the neuron sends no such events.
        """
        if wanted := cls.wanted(largest):
            raise OptionError(f"{cls.title()} neurons: largest must be {wanted}, got {largest!r}")
        if cls.default_largest is None:
            return {}
        return {"largest": cls.default_largest if largest is None else largest}

    @classmethod
    def wanted(cls, largest: int | None) -> str:
        """What ``largest`` must be if these neurons cannot have this one; empty if they can."""
        if cls.default_largest is None:
            return "" if largest in (None, 1) else "1, for these neurons send one spike at a time"
        form = form_of(Largest)
        return "" if largest is None or form.fits(largest) else form.words

    @classmethod
    def spikes_to_bound(cls, **sizes: int) -> int:
        """Spikes in one step that make up the bound of the activation; the threshold is that part of it."""
        return 1

    def add_bias(self, current: Tensor) -> None:
        """Add currents ``[S, ...]`` to the neuron's own, in a new tensor."""
        self.bias = current if self.bias is None else self.bias + current

    @property
    def is_signed(self) -> bool:
        """As the activation says."""
        return is_signed(self.activation)

    @property
    def saturation(self) -> Tensor:
        """The largest mean output: one largest event at every step."""
        return self.largest * self.v_threshold

    @property
    def most_units(self) -> int:
        """Those of the largest event."""
        return self.largest

    def bound(self, like: Tensor) -> Tensor:
        """That of which the threshold is a part; bursts go beyond."""
        return self.v_threshold * self.spikes_to_bound(largest=self.largest)

    def forward(self, x: Tensor) -> Tensor:
        """``clip(x, 0, saturation)``: what the mean output for a constant current converges to.

        Of a signed activation it is ``clip(x, -saturation, saturation)``.
        """
        return torch.minimum(torch.maximum(x, -self.saturation) if self.is_signed else x.clamp(min=0), self.saturation)

    def start(self, x: Tensor) -> Memory:
        """Membrane potentials at ``v_init``; with a schedule also the clock."""
        memory = {"v": torch.empty_like(x).copy_(self.v_init)}
        if self.bias is not None and len(self.bias) > 1:
            memory["time"] = x.new_zeros(())
        return memory

    def biases(self, memory: Memory, steps: int) -> Tensor | None:
        """Currents of the next ``steps`` steps, one for all or one for each; moves the clock.

        Raises:
            SimulationError: the schedule ends before them.
        """
        if self.bias is None or "time" not in memory:
            return self.bias
        elapsed = int(memory["time"])
        if elapsed + steps > len(self.bias):
            raise SimulationError(
                f"the bias schedule of a neuron has {len(self.bias)} steps, step {elapsed + steps} was asked for; run "
                "fewer steps"
            )
        memory["time"] += steps
        return self.bias[elapsed : elapsed + steps]

    def source(self) -> nn.Module:
        """The activation this neuron replaces."""
        return self.activation

    def extra_repr(self) -> str:
        """Shape of the threshold, and of the bias where there is one."""
        bias = "" if self.bias is None else f", bias={list(self.bias.shape)}"
        return f"v_threshold={list(self.v_threshold.shape)}{bias}"


streaming: Registry[type[StreamingNeuron]] = Registry("neuron")
"""Streaming neurons by name."""


def stacked(counts: list[tuple[Tensor, Tensor]]) -> EventCounts:
    """The counts of all steps."""
    spikes, packets = (torch.stack(kind).long() for kind in zip(*counts, strict=True))
    return EventCounts(spikes, packets)
