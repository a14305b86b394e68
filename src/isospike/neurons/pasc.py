"""The PASC neuron: spike count with inhibition, a unary code."""

from __future__ import annotations

import torch
from torch import Tensor

from isospike.neurons.codes import Unary
from isospike.neurons.currents import Currents
from isospike.neurons.emitter import Emission, Emitter, emitting
from isospike.ops.two_sided import TwoSided


class Pasc(Emitter):
    """Counts spikes while it integrates, corrects the count by inhibition, then emits as many spikes.

    Stage 1, for every input step: ``v += z_t``; if ``v >= u``: ``n += 1``, ``v -= u``; starting from ``v = v_init``;
    of a bias ``b`` behind a source of L steps, ``z_t`` has ``b / L``. Stage 2, ``max(T_in, L) - 1`` steps without
    input: if ``v >= u``: ``n += 1``, ``v -= u``; if ``v < 0``: ``n -= 1``, ``v += u`` (an inhibitory spike). Stage 3:
    ``k = clip(n, 0, L)`` spikes, one at every step from the first. An analogue current, as that of the image, is
    quantised at once, ``k = Q(z)``, and has stage 3 alone; so is the whole current in the place of a two-sided
    function, whose sign is not known before. The counter is a whole number: counting in multiples of u
    would lose the last spike to rounding.

    References:
        *PASCAL: Precise and Efficient ANN-SNN Conversion using Spike Accumulation and Adaptive Layerwise Activation*,
        algorithm 1, with a whole-number counter; algorithm 2 for analogue currents; theorem 3.3 for the bias.
    """

    code = Unary()
    inhibits = True

    def updates(self, input_steps: int | None) -> int:
        """All three stages, see `if_operations`; of an analogue current the ``L`` steps of stage 3."""
        if input_steps is None or self._waits:
            return self.levels
        return 2 * input_steps + 2 * self._corrections(input_steps) + self.levels

    def emit(self, currents: Currents) -> Emission:
        """The three stages; see `Emitter.emit`."""
        if currents.analogue or self._waits:
            total = currents.total()
            return self._emitted(self.codes(total).long(), torch.zeros_like(total, dtype=torch.int64))
        unit = self.safe_unit
        v = self.v_init.expand_as(currents.train[0]).clone()
        count = torch.zeros_like(v, dtype=torch.int64)
        inhibited = torch.zeros_like(count)
        for step, current in enumerate(currents.train.unbind(), 1):
            v += current  # without the constants, whose share of this step would be rounded
            potential = v + currents.constant(step)
            change = (potential >= unit).long()
            if self.is_signed:
                change -= (potential < 0).long()
            count += change
            v -= change * unit
        v += currents.constant(len(currents.train))
        for _ in range(self._corrections(len(currents.train))):
            recoils = v < 0
            change = (v >= unit).long() - recoils.long()
            count += change
            inhibited += recoils
            v -= change * unit
        return self._emitted(count.clamp_(self.lowest, self.levels), inhibited)

    @property
    def _waits(self) -> bool:
        """Whether it quantises its whole current at once."""
        return isinstance(self.activation, TwoSided)

    def _corrections(self, input_steps: int) -> int:
        """Iterations of stage 2 after which the counter is ``Q``: it starts within ``T_in`` of zero.

        A rectifier's needs ``max(T_in, L) - 1``. One that may end at -L has as far to go as from ``T_in`` to there.
        """
        return input_steps + self.levels if self.is_signed else max(input_steps, self.levels) - 1

    def _emitted(self, count: Tensor, inhibited: Tensor) -> Emission:
        return Emission(self.code.encode(count, self.steps), inhibitory=inhibited.flatten(1).sum(1))


emitting.register("pasc", Pasc)


def if_operations(levels: int, source_steps: int | None = None) -> int:
    """Integrate-and-fire operations of one neuron: ``2 T_in + 2 M + L``, ``M = max(T_in, L) - 1``.

    ``3 L - 1`` soft resets and ``2 L - 1`` counter updates, ``5 L - 2``, when the source has ``T_in = L`` steps too.

    Args:
        levels: ``L``, also the steps of the emitted train.
        source_steps: ``T_in``, the longest train among the sources; ``levels`` by default.
    """
    steps = levels if source_steps is None else source_steps
    return 2 * steps + 2 * (max(steps, levels) - 1) + levels
