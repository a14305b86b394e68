"""The one rule behind the streaming neurons with soft reset: the net number of spikes follows the current so far."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from isospike.kernels import Rounding, TrackerRule, track
from isospike.memory_format import empty_sequence
from isospike.neurons.streaming_neuron import StreamingNeuron
from isospike.neurons.temporal import EventCounts, Memory


class Tracker(StreamingNeuron):
    """Emits as many spikes at once as the membrane potential asks for, within limits.

    ``v <- v + (z_t + bias_t)``; ``d`` is ``v / v_threshold`` as a whole number, see ``rounding``; ``s_t = clip(d,
    -min(down, n), largest)``; with ``powers_of_two`` the magnitude of ``s_t`` is rounded down to one, ``adj``; ``v <- v
    - v_threshold s_t``; ``n <- n + s_t``. For ``largest = 1``, ``down = 0`` that is ``s_t = [v >= v_threshold]``. The
    arguments are those of `StreamingNeuron`.

    The net number of spikes ``n`` never falls below zero. With ``V(t) = v_init + sum_(i<=t) (z_i + bias_i)``, a neuron
    that rounds down has the closed form
    ``n(t) = n(t-1) + adj(clip(max(0, floor(V(t) / v_threshold)) - n(t-1), -down, largest))``.

    In the place of a signed activation nothing bounds ``n`` and events of both signs are alike:
    ``s_t = adj(clip(d, -largest, largest))``.
    """

    soft_reset = True
    serves_signed = True
    down: int = 0
    """Most spikes that one event takes back where the activation is not signed."""
    rounding: ClassVar[Rounding] = Rounding.DOWN
    """How a potential in thresholds becomes a number of spikes."""
    powers_of_two: ClassVar[bool] = False
    """Whether an event is worth a power of two."""
    digits: ClassVar[bool] = False
    """Whether an event is sent as spikes that are worth powers of two: as many as it has binary digits."""

    @property
    def takes_back(self) -> bool:
        """Whether there is something to be taken back."""
        return self.is_signed or self.down > 0

    def start(self, x: Tensor) -> Memory:
        """Membrane potentials at ``v_init``; no spikes yet."""
        memory = super().start(x)
        if self.down and not self.is_signed:
            memory["n"] = torch.zeros_like(memory["v"])
        return memory

    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, EventCounts]:
        """All steps in one pass over the state; see `Temporal.advance`."""
        biases = self.biases(memory, len(x))
        out = x if overwrite else empty_sequence(x)
        down = self.largest if self.is_signed else self.down
        rule = TrackerRule(self.largest, down, self.rounding, self.powers_of_two, self.digits)
        spikes, packets = track(x, out, memory["v"], memory.get("n"), self.v_threshold, biases, rule)
        return out, EventCounts(spikes, packets)

    def extra_repr(self) -> str:
        """Also the limits."""
        return f"{super().extra_repr()}, largest={self.largest}, down={self.down}"
