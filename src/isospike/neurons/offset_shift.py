"""Neurons whose initial potential is shifted by a spike that a probe found too many or too few."""

from __future__ import annotations

import torch
from torch import Tensor

from isospike.neurons.probing import TOLERANCE, Probing, count_binary, probings
from isospike.neurons.temporal import EventCounts, Memory


class OffsetShift(Probing):
    """Probe with the first rho inputs, shift ``v_init`` by one spike where the count was off, then run.

    With the count n and the residual potential v after rho steps, ``p_f`` the lowest potential before a reset among
    the steps with a spike and ``p_s`` the highest among those without:

        v < 0 and n > 0:        v_init <- v_init - max(theta, p_f - theta + eps)
        v >= theta, n < rho:    v_init <- v_init + max(theta, theta - p_s + eps)

    and ``eps = theta / 1000``. Layers follow each other: a layer probes on the train of shifted neurons. On the common
    clock a layer is silent for rho steps, then emits; the trains behind have T - rho steps; a probe has no more
    than that either. It needs the whole train at once.

    References:
        Hao et al. 2023, *Bridging the Gap between ANNs and SNNs by Calibrating Offset Spikes*, algorithm 1.
    """

    whole_train = True

    def start(self, x: Tensor) -> Memory:
        """Nothing: a train is seen whole."""
        return {}

    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, EventCounts]:
        """Probe and run a whole train; see `Temporal.advance`."""
        currents = x[self.probe_steps :]
        started = self.neuron.start(currents[0])
        started["v"] += self._shift(currents[: self.probe_steps], started["v"])
        out, _ = self.neuron.advance(currents, started, overwrite=False)
        out = torch.cat([torch.zeros_like(x[: self.probe_steps]), out])
        counts = count_binary(out)
        return out, EventCounts(counts, counts)

    def _shift(self, currents: Tensor, v_init: Tensor) -> Tensor:
        """What the initial potential changes by, ``[B, ...]``."""
        theta, eps, v = self.v_threshold, TOLERANCE * self.v_threshold, v_init.clone()
        lowest, highest = torch.full_like(v, torch.inf), torch.full_like(v, -torch.inf)
        count = torch.zeros_like(v)
        for current in currents.unbind():
            v = v + current
            fires = v >= theta
            lowest = torch.where(fires, torch.minimum(lowest, v), lowest)
            highest = torch.where(fires, highest, torch.maximum(highest, v))
            count, v = count + fires, v - fires * theta
        down, up = torch.maximum(theta, lowest - theta + eps), torch.maximum(theta, theta - highest + eps)
        too_many, too_few = (v < 0) & (count > 0), (v >= theta) & (count < len(currents))
        return torch.where(too_many, -down, torch.where(too_few, up, torch.zeros_like(v)))


probings.register("offset-shift", OffsetShift)
