"""Neurons that send what changes: a spike at step t is worth ``1 / t`` of its threshold in the mean so far."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from isospike.kernels import Rounding, TrackerRule, each_step, track
from isospike.memory_format import empty_sequence
from isospike.neurons.graded import Graded
from isospike.neurons.quantiser import LearnedActivation, has_ceiling
from isospike.neurons.streaming_neuron import streaming
from isospike.neurons.temporal import EventCounts, Memory


class DifferentialNeuron(Graded):
    """Graded spikes ``s_t`` of a decoded value ``a_t = a_(t-1) + v_threshold s_t / t``, ``a_0 = 0``.

    With ``m_t`` the mean current up to step t the neuron rounds ``e_t = v_init + t (m_t - a_(t-1))``, which is a
    potential: ``v <- v + z_t - a_(t-1)``; ``s_t = clip(floor(v / v_threshold), -largest, largest)``; ``v <- v -
    v_threshold s_t``. What it puts out, ``a_(t-1) + v_threshold s_t``, has the mean ``a_t`` over the steps so far: the
    code is a rate code with a prediction, the mean so far, that the layers behind make too. So they need ``s_t`` alone,
    and everything that holds for trains of currents holds for its outputs.

    Of a rectifier no event takes back more than ``t a_(t-1)``, so that decoded values stay positive, and of one with a
    ceiling none goes beyond it. Elsewhere decoded values are not limited to what one event is worth. The arguments are
    those of `Graded`; ``largest = 1`` is the integrate-and-fire neuron of the paper.

    References:
        Huang et al. 2025, *Differential Coding for Training-Free ANN-to-SNN Conversion*; in closed form.
    """

    papers: ClassVar[tuple[str, ...]] = ("huang2025differential",)
    default_largest: ClassVar[int] = 15
    predicts: ClassVar[bool] = True
    soft_reset = False
    digits: ClassVar[bool] = True

    @property
    def saturation(self) -> Tensor:
        """The ceiling of the activation, below which its events may be; without one nothing limits the mean output."""
        learned = super().saturation
        if isinstance(self.activation, LearnedActivation):
            return learned
        return torch.full_like(learned, getattr(self.activation, "max_val", torch.inf))

    def bound(self, like: Tensor) -> Tensor:
        """One largest event."""
        return self.largest * self.v_threshold

    def start(self, x: Tensor) -> Memory:
        """Membrane potentials at ``v_init``, decoded values at zero, no steps yet."""
        memory = super().start(x)
        memory.pop("n", None)
        return memory | {"a": torch.zeros_like(memory["v"]), "elapsed": x.new_zeros(())}

    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, EventCounts]:
        """One step after the other; see `Temporal.advance`."""
        currents = each_step(x, self.biases(memory, len(x)))
        out, sent = x if overwrite else empty_sequence(x), empty_sequence(x)
        v, a, counts, first = memory["v"], memory["a"], [], int(memory["elapsed"]) + 1
        for t, (current, output, spikes) in enumerate(zip(currents, out.unbind(), sent.unbind(), strict=True), first):
            v.add_(current).sub_(a)
            counts.append(self._send(t, memory, spikes))
            v.sub_(spikes)
            torch.add(a, spikes, out=output)
            a.add_(spikes / t)
        memory["elapsed"] += len(x)
        spikes, packets = torch.cat(counts, 1)
        return out, EventCounts(spikes, packets, sent)

    def _send(self, t: int, memory: Memory, spikes: Tensor) -> Tensor:
        """Write what is sent at step t, in activation units; gives spikes and packets ``[2, 1, B]``."""
        v, a = memory["v"], memory["a"]
        unit = self.v_threshold.clamp(min=torch.finfo(a.dtype).tiny)
        back = None if self.is_signed else (a * t).div_(unit).floor_()
        asked = torch.minimum(v, self._room((self.saturation - a) * t)) if has_ceiling(self.activation) else v
        rule = TrackerRule(self.largest, self.largest, self.rounding, self.powers_of_two, digits=True)
        scratch = torch.zeros_like(v)
        return track(asked.unsqueeze(0), spikes.unsqueeze(0), scratch, back, self.v_threshold, None, rule)

    def _room(self, room: Tensor) -> Tensor:
        """Of what may be added at most, what can be asked for."""
        return room


class DifferentialMultiThreshold(DifferentialNeuron):
    """A `DifferentialNeuron` with one spike of the nearest threshold in the place of graded ones, from zero.

    ``v_threshold s_t`` is the largest ``lambda = v_threshold 2^i`` with ``|v| >= 3/4 lambda``, with the sign of ``v``,
    ``2^i`` up to ``largest``; n thresholds are ``largest = 2^(n-1)``.
    """

    default_largest: ClassVar[int] = 8
    rounding: ClassVar[Rounding] = Rounding.TO_POWER
    powers_of_two: ClassVar[bool] = True
    rounds_itself = True

    def _room(self, room: Tensor) -> Tensor:
        """The largest threshold within: what is nearest to the room itself may be larger."""
        _, exponent = torch.frexp(room / self.v_threshold)
        return torch.ldexp(torch.ones_like(room), exponent - 1).mul_(self.v_threshold)


streaming.register("differential", DifferentialNeuron)
streaming.register("differential-multi-threshold", DifferentialMultiThreshold)
