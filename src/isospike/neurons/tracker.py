"""The one rule behind the streaming neurons with soft reset: the net number of spikes follows the current so far."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from isospike.memory_format import empty_sequence
from isospike.native import Rule, track
from isospike.neurons.streaming_neuron import StreamingNeuron, count, each_step, stacked
from isospike.neurons.temporal import Counts, Memory

WORDS = {2: torch.int16, 4: torch.int32, 8: torch.int64}
"""Whole numbers as wide as a float, by bytes."""


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

    down: int = 0
    """Most spikes that one event takes back."""
    patient: ClassVar[bool] = False
    """Whether spikes are taken back only for a whole threshold below zero."""
    powers_of_two: ClassVar[bool] = False
    """Whether an event is worth a power of two."""

    def start(self, x: Tensor) -> Memory:
        """Membrane potentials at ``v_init``; no spikes yet."""
        memory = super().start(x)
        if self.down:
            memory["n"] = torch.zeros_like(memory["v"])
        return memory

    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, Counts]:
        """The kernel in C, or where there is none the same operations in the same order; see `Temporal.advance`."""
        biases = self.biases(memory, len(x))
        out = x if overwrite else empty_sequence(x)
        rule = Rule(self.largest, self.down, self.patient, self.powers_of_two)
        counts = track(x, out, memory["v"], memory.get("n"), self.v_threshold, biases, rule)
        return out, self._advance(x, out, memory, biases) if counts is None else Counts(*counts)

    def _advance(self, x: Tensor, out: Tensor, memory: Memory, biases: Tensor | None) -> Counts:
        v, n, counts = memory["v"], memory.get("n"), []
        for current, spikes in zip(each_step(x, biases), out.unbind(), strict=True):
            v.add_(current)
            self._decide(v, n, spikes)
            counts.append(count(spikes, self.largest))
            if n is not None:
                n.add_(spikes)
            spikes.mul_(self.v_threshold)
            v.sub_(spikes)
        return stacked(counts)

    def _decide(self, v: Tensor, n: Tensor | None, spikes: Tensor) -> None:
        """Write the numbers of spikes; not a number is no demand."""
        if self.largest == 1 and n is None:
            torch.ge(v, self.v_threshold, out=spikes)
            return
        # the threshold of a silent channel may be zero
        torch.div(v, self.v_threshold.clamp(min=torch.finfo(v.dtype).tiny), out=spikes)
        _ = spikes.trunc_() if self.patient else spikes.floor_()
        lowest = v.new_zeros(()) if n is None else n.clamp(max=self.down).neg_()
        torch.fmax(spikes, lowest, out=spikes)
        spikes.clamp_(max=self.largest)
        if self.powers_of_two:
            # sign and exponent without the fraction
            spikes.view(WORDS[spikes.element_size()]).bitwise_and_(-round(1 / torch.finfo(spikes.dtype).eps))

    def extra_repr(self) -> str:
        """Also the limits."""
        return f"{super().extra_repr()}, largest={self.largest}, down={self.down}"
