"""The bit-coded neuron: a binary code, most significant bit first."""

from __future__ import annotations

import torch

from isospike.neurons.codes import Binary
from isospike.neurons.currents import Currents
from isospike.neurons.emitter import Emission, Emitter, emitting


class BitCodedNeuron(Emitter):
    """Accumulates its input, then emits the binary digits of the result.

    ``U = sum_t z_t + v_init``, saturated at ``(K + 1/2) u`` where K has zero bits; then for ``t = 1 .. T``:
    ``s_t = [U >= u 2^(T-t)]``, ``U <- U - s_t u 2^(T-t)``, with ``T = ceil(log2(K + 1))``.

    References:
        *When SNN meets ANN: Error-Free ANN-to-SNN Conversion for Extreme Edge Efficiency*, eq. 8 and 9, with the
        weight of a spike ``2^(T-t)`` units (printed 2^(t-1)) and the half-step shift that QCFS has.
    """

    code = Binary()

    def emit(self, currents: Currents) -> Emission:
        """Greedy expansion of the total; see `Emitter.emit`."""
        unit, total = self.safe_unit, currents.total() + self.v_init
        if self.levels + 1 < 2**self.steps:
            total = torch.minimum(total, (self.levels + 0.5) * unit)
        spikes = []
        for weight in self.code.weights(self.steps):
            threshold = weight * unit
            fires = total >= threshold
            total -= fires * threshold
            spikes.append(fires)
        return Emission(torch.stack(spikes), inhibitory=None)


emitting.register("bit-coded", BitCodedNeuron)
