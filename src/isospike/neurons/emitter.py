"""Accumulate-then-emit neurons: a whole input train goes in before the first spike comes out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from isospike.kernels.quantise import quantise_currents
from isospike.neurons.codes import Code
from isospike.neurons.currents import Currents
from isospike.neurons.neuron import Kind, Neuron
from isospike.neurons.quantiser import NEAREST, codes_of, is_signed
from isospike.ops.two_sided import TwoSided
from isospike.registry import Registry


@dataclass(frozen=True)
class Emission:
    """What one layer did with one input train."""

    spikes: Tensor
    """Spikes by step ``[T, B, ...]``: bool, or int8 with signs."""
    inhibitory: Tensor | None
    """Internal inhibitory events per sample: int64 ``[B]``; ``None`` for a neuron that has none."""


class Emitter(Neuron, ABC):
    """A neuron that accumulates its input, quantises the total and emits the code of the result.

    Its train is a function of the total current alone, ``k = clip(floor((sum_t z_t + v_init) / u), a, K)``, so a
    network of such neurons and affine maps computes exactly what the quantised ANN does. ``forward`` is that quantised
    activation. The smallest code a is 0 in the place of a rectifier, -K at a signed site, where spikes have signs.

    In the place of a two-sided function f it quantises ``f(sum_t z_t)``: thresholds of u for the population that reads
    ``z``, of ``u / |slope|`` for that which reads ``-z``.

    Args:
        unit: height of one level ``u``, in units of the current; scalar or ``[C, 1, 1]``.
        levels: number of levels K above zero.
        v_init: initial membrane potential, in units of the current, scalar or ``[C, 1, 1]``; by default half a unit
            and a guard, which rounds to the nearest level.
        activation: the activation of the ANN in whose place the neuron stands; a ReLU by default.
        amplitude: what one level is worth to the layers behind, same shape as ``unit``; the unit itself by default.
    """

    kind = Kind.EMITTING
    serves_signed = True
    code: Code
    """How the quantised value is emitted; a class names that of rectifiers, `Code.signed` has that of signed sites."""
    inhibits: ClassVar[bool] = False
    """Whether internal inhibitory events happen, whose number depends on the order of the currents."""
    unit: Tensor
    v_init: Tensor
    amplitude: Tensor
    offset: Tensor | None
    """What a value is beside its code, ``amplitude k + offset``, shaped as ``unit``; ``None``: nothing. The layers
    behind have it, times their weights, in their biases, so that nothing is sent for it."""

    def __init__(
        self,
        unit: Tensor,
        levels: int,
        *,
        activation: nn.Module | None = None,
        v_init: Tensor | None = None,
        amplitude: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("unit", unit)
        self.register_buffer("v_init", NEAREST * unit if v_init is None else v_init)
        self.register_buffer("amplitude", unit.clone() if amplitude is None else amplitude)
        self.register_buffer("offset", None)
        self.levels = levels
        self.activation = nn.ReLU() if activation is None else activation
        if self.is_signed:
            self.code = self.code.signed()

    @property
    def is_signed(self) -> bool:
        """As the activation says."""
        return is_signed(self.activation)

    @property
    def lowest(self) -> int:
        """The smallest code a."""
        return -self.levels if self.is_signed else 0

    @property
    def steps(self) -> int:
        """Length of the train, T."""
        return self.code.steps(self.levels)

    @property
    def safe_unit(self) -> Tensor:
        """The unit, but never zero: the unit of a silent channel may be too small for a narrower number format."""
        return self.unit.clamp(min=torch.finfo(self.unit.dtype).tiny)

    def quantised(self, z: Tensor) -> Tensor:
        """What is quantised of total currents ``[B, ...]``: they, for the quantiser rectifies; of two sides ``f``."""
        value: Tensor = self.activation(z) if isinstance(self.activation, TwoSided) else z
        return value

    def codes(self, z: Tensor) -> Tensor:
        """Whole numbers of total currents ``[B, ...]``, in their type."""
        return codes_of(self.quantised(z), self.safe_unit, self.levels, v_init=self.v_init, lowest=self.lowest)

    def forward(self, z: Tensor) -> Tensor:
        """The quantised activation, amplitude times code, of total currents ``[B, ...]``."""
        unit, worth = self.safe_unit, self.amplitude
        return quantise_currents(self.quantised(z), unit, self.v_init, worth=worth, low=self.lowest, high=self.levels)

    @abstractmethod
    def emit(self, currents: Currents) -> Emission:
        """Accumulate the currents one step after the other, then emit one step after the other."""

    def updates(self, input_steps: int | None) -> int:
        """How often the membrane of one neuron changes or is compared, beside the additions of its input.

        One for every step of the train, unless a neuron says otherwise.

        Args:
            input_steps: length of the train that comes in; ``None`` for an analogue current.
        """
        return self.steps

    def weigh(self, spikes: Tensor) -> Tensor:
        """Spikes ``[T, B, ...]`` as the layers behind see them: ``amplitude w_t s_t``."""
        weights = torch.tensor(self.code.weights(len(spikes)), dtype=self.unit.dtype, device=self.unit.device)
        weighted: Tensor = spikes.to(self.unit.dtype) * weights.view(-1, *(1,) * (spikes.dim() - 1)) * self.amplitude
        return weighted

    def rescaled(self, unit: Tensor, v_init: Tensor, *, amplitude: Tensor) -> Self:
        """A neuron of this class and these levels with other tensors."""
        own: dict[str, Any] = {name: getattr(self, name) for name in self.own_options}
        tensors = {"v_init": v_init, "amplitude": amplitude}
        made = type(self)(unit, self.levels, activation=self.activation, **tensors, **own)
        made.offset = self.offset
        return made

    @property
    def worth(self) -> Tensor:
        """The amplitude."""
        return self.amplitude

    @property
    def most_units(self) -> int:
        """The number of levels K."""
        return self.levels

    def constant_output(self, z: Tensor, *, steps: int, probe: int) -> Tensor:
        """The quantiser, of the total current ``z``."""
        return self.decoded(self(z))

    def largest_output(self, like: Tensor) -> Tensor:
        """All levels."""
        return self.levels * self.safe_unit

    def decoded(self, output: Tensor) -> Tensor:
        """Those of networks on the binary grid are whole numbers; the offset is what the layers behind add."""
        value = output if torch.equal(self.amplitude, self.unit) else output * (self.unit / self.amplitude)
        return value if self.offset is None else value + self.offset

    def source(self) -> nn.Module:
        """The activation of the ANN, with its output in the amplitude of this neuron's and less its offset."""
        if torch.equal(self.amplitude, self.unit) and self.offset is None:
            return self.activation
        offset = torch.zeros_like(self.unit) if self.offset is None else self.offset
        return nn.Sequential(self.activation, _Sent(self.amplitude / self.unit, offset))

    def extra_repr(self) -> str:
        """Steps, levels and the shape of the unit."""
        return f"steps={self.steps}, levels={self.levels}, unit={list(self.unit.shape)}"


emitting: Registry[type[Emitter]] = Registry("accumulate-then-emit neuron")
"""Accumulate-then-emit neurons by name."""


class _Sent(nn.Module):
    gain: Tensor
    offset: Tensor

    def __init__(self, gain: Tensor, offset: Tensor) -> None:
        super().__init__()
        self.register_buffer("gain", gain)
        self.register_buffer("offset", offset)

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.offset) * self.gain
