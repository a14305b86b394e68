"""The bit-coded neuron: a binary code, most significant bit first."""

from __future__ import annotations

import torch
from torch import Tensor

from isospike.neurons.codes import Binary
from isospike.neurons.currents import Currents
from isospike.neurons.emitter import Emission, Emitter, emitting


class BitCodedNeuron(Emitter):
    """Accumulates its input, then emits the binary digits of the result.

    ``U = sum_t z_t + v_init``, saturated at ``(K + 1/2) u`` where K has zero bits; then for ``t = 1 .. T``:
    ``s_t = [U >= u 2^(T-t)]``, ``U <- U - s_t u 2^(T-t)``, with ``T = ceil(log2(K + 1))``. At a signed site a second
    population does the same with ``-U`` and a threshold lower by a unit, ``s_t = -[-U > u (2^(T-t) - 1)]``, so that the
    digits are those of ``-floor(U / u)``; one of the two is silent.

    References:
        *When SNN meets ANN: Error-Free ANN-to-SNN Conversion for Extreme Edge Efficiency*, eq. 8 and 9, with the
        weight of a spike ``2^(T-t)`` units (printed 2^(t-1)) and the half-step shift that QCFS has.
    """

    code = Binary()

    def emit(self, currents: Currents) -> Emission:
        """Greedy expansion of the total; see `Emitter.emit`."""
        total = self.quantised(currents.total()) + self.v_init
        spikes = self._digits(total.clone(), ceil=False)
        if self.is_signed:
            spikes = spikes.to(torch.int8) - self._digits(-total, ceil=True).to(torch.int8)
        return Emission(spikes, inhibitory=None)

    def _digits(self, total: Tensor, *, ceil: bool) -> Tensor:
        """Binary digits of ``total / u``, rounded down or up: bool ``[T, B, ...]``; the argument is used up."""
        unit, fires = self.safe_unit, []
        if self.levels + 1 < 2**self.steps:
            total = torch.minimum(total, (self.levels + (-0.5 if ceil else 0.5)) * unit)
        for weight in self.code.weights(self.steps):
            fires.append(total > (weight - 1) * unit if ceil else total >= weight * unit)
            total -= fires[-1] * (weight * unit)
        return torch.stack(fires)


class DigitsNeuron(BitCodedNeuron):
    """A bit-coded neuron that sends digits of its own at signed sites; a subclass names the code."""

    def emit(self, currents: Currents) -> Emission:
        """Quantise the total, and send its digits one after the other; see `Emitter.emit`."""
        if not self.is_signed:
            return super().emit(currents)
        codes = self.codes(currents.total()).long()
        return Emission(self.code.encode(codes, self.steps), inhibitory=None)


emitting.register("bit-coded", BitCodedNeuron)
