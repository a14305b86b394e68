"""The one rule behind the streaming neurons with soft reset: the net number of spikes follows the current so far."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from isospike.kernels import TrackerRule, track
from isospike.memory_format import empty_sequence
from isospike.neurons.streaming_neuron import StreamingNeuron
from isospike.neurons.temporal import EventCounts, Memory


class Tracker(StreamingNeuron):
    """Emits as many spikes at once as the membrane potential asks for, within limits.

    ``v <- v + (z_t + bias_t)``; ``d = floor(v / v_threshold)``, or ``trunc`` for a patient neuron, which takes a spike
    back only for ``v <= -v_threshold``; ``s_t = clip(d, -min(down, n), largest)``; with ``powers_of_two`` the magnitude
    of ``s_t`` is rounded down to one, ``adj``; ``v <- v - v_threshold s_t``; ``n <- n + s_t``. For ``largest = 1`` and
    ``down = 0`` the rule is ``s_t = [v >= v_threshold]``. The arguments are those of `StreamingNeuron`.

    The net number of spikes ``n`` never falls below zero. With ``V(t) = v_init + sum_(i<=t) (z_i + bias_i)``, a neuron
    that is not patient has the closed form
    ``n(t) = n(t-1) + adj(clip(max(0, floor(V(t) / v_threshold)) - n(t-1), -down, largest))``.
    """

    soft_reset = True
    down: int = 0
    """Most spikes that one event takes back."""
    patient: ClassVar[bool] = False
    """Whether spikes are taken back only for a whole threshold below zero."""
    powers_of_two: ClassVar[bool] = False
    """Whether an event is worth a power of two."""

    @property
    def takes_back(self) -> bool:
        """Whether there is something to be taken back."""
        return self.down > 0

    def start(self, x: Tensor) -> Memory:
        """Membrane potentials at ``v_init``; no spikes yet."""
        memory = super().start(x)
        if self.down:
            memory["n"] = torch.zeros_like(memory["v"])
        return memory

    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, EventCounts]:
        """All steps in one pass over the state; see `Temporal.advance`."""
        biases = self.biases(memory, len(x))
        out = x if overwrite else empty_sequence(x)
        rule = TrackerRule(self.largest, self.down, self.patient, self.powers_of_two)
        spikes, packets = track(x, out, memory["v"], memory.get("n"), self.v_threshold, biases, rule)
        return out, EventCounts(spikes, packets)

    def extra_repr(self) -> str:
        """Also the limits."""
        return f"{super().extra_repr()}, largest={self.largest}, down={self.down}"
