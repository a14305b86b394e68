"""The PASC neuron: spike count with inhibition, a unary code."""

from __future__ import annotations

import torch
from torch import Tensor

from isospike.neurons.codes import Unary
from isospike.neurons.emitter import Emission, Emitter


class Pasc(Emitter):
    """Counts spikes while it integrates, corrects the count by inhibition, then emits as many spikes.

    Stage 1, for every input step: ``v += z_t``; if ``v >= u``: ``n += 1``, ``v -= u``; starting from ``v = v_init``.
    Stage 2, ``max(T_in, L) - 1`` steps without input: if ``v >= u``: ``n += 1``, ``v -= u``; if ``v < 0``: ``n -= 1``,
    ``v += u`` (an inhibitory spike). Stage 3: ``k = clip(n, 0, L)`` spikes, one at every step from the first. The
    counter is a whole number: counting in multiples of u would lose the last spike to rounding.

    References:
        *PASCAL: Precise and Efficient ANN-SNN Conversion using Spike Accumulation and Adaptive Layerwise Activation*,
        algorithm 1, with a whole-number counter.
    """

    code = Unary()
    inhibits = True

    def updates(self, input_steps: int) -> int:
        """All three stages; see `if_operations`."""
        return if_operations(self.levels, input_steps)

    def emit(self, currents: Tensor) -> Emission:
        """The three stages; see `Emitter.emit`."""
        unit = self.step
        v = self.v_init.expand_as(currents[0]).clone()
        count = torch.zeros_like(v, dtype=torch.int64)
        inhibited = torch.zeros_like(count)
        for current in currents.unbind():
            v += current
            fires = v >= unit
            count += fires
            v -= fires * unit
        for _ in range(max(len(currents), self.levels) - 1):
            recoils = v < 0
            change = (v >= unit).long() - recoils.long()
            count += change
            inhibited += recoils
            v -= change * unit
        spikes = self.code.encode(count.clamp_(0, self.levels), self.steps)
        return Emission(spikes, inhibitory=inhibited.flatten(1).sum(1))


def if_operations(levels: int, source_steps: int | None = None) -> int:
    """Integrate-and-fire operations of one neuron: ``2 T_in + 2 M + L``, ``M = max(T_in, L) - 1``.

    ``3 L - 1`` soft resets and ``2 L - 1`` counter updates, ``5 L - 2``, when the source has ``T_in = L`` steps too.

    Args:
        levels: ``L``, also the steps of the emitted train.
        source_steps: ``T_in``, the longest train among the sources; ``levels`` by default.
    """
    steps = levels if source_steps is None else source_steps
    return 2 * steps + 2 * (max(steps, levels) - 1) + levels
