"""The buffered non-leaky integrate-and-fire neuron with multi-bit spikes."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from isospike.neurons.streaming_neuron import streaming
from isospike.neurons.tracker import Tracker


class BufferedNeuron(Tracker):
    """Follows the ideal count up and down, at most ``largest`` spikes a step.

    With ``n`` the net spikes in the buffer: ``v >= v_threshold`` gives ``s_t = adj(floor(v / v_threshold))``,
    ``v < 0`` gives ``s_t = -adj(min(ceil(-v / v_threshold), n))``, else 0; soft reset, ``n <- n + s_t``, and
    ``adj(k) = 2^floor(log2(min(k, largest)))``. One spike too many is taken back as soon as the potential is negative.
    For four and more spikes powers of two keep a constant current from its ideal count at times: 3 spikes are 2, then 1
    a step later; `Graded` neurons are without them.

    The rules are those printed, with equality at the threshold (else the last spike of every current on the grid is
    lost), the upper instead of the lower whole number below zero (else ``-v_threshold < v < 0`` takes nothing back),
    and the sign of the second rule.

    Args:
        v_threshold: see `StreamingNeuron`, as the arguments below.
        v_init: membrane potential before the first step.
        activation: the activation of the ANN.
        largest: most spikes of one event, S_max, a power of two; ``default_largest`` unless given.
        bias: currents of the neuron's own.

    Raises:
        OptionError: ``largest`` is not that.

    References:
        *A High Performance and Low Latency Deep Spiking Neural Networks Conversion Framework*, with the corrections
        above.
    """

    papers: ClassVar[tuple[str, ...]] = ("conversionframework",)
    default_largest: ClassVar[int] = 1
    powers_of_two: ClassVar[bool] = True

    def __init__(
        self,
        v_threshold: Tensor,
        v_init: Tensor,
        activation: nn.Module | None = None,
        *,
        largest: int | None = None,
        bias: Tensor | None = None,
    ) -> None:
        super().__init__(v_threshold, v_init, activation, bias=bias)
        self.largest = self.down = self.sizes(largest, capped=False)["largest"]

    @classmethod
    def wanted(cls, largest: int | None) -> str:
        """Also a power of two where no event is worth another number."""
        wanted = super().wanted(largest)
        if cls.powers_of_two and not wanted and largest is not None and largest & (largest - 1):
            return f"a power of two, for {cls.title().lower()} neurons send no other (graded ones do)"
        return wanted

    @classmethod
    def spikes_to_bound(cls, **sizes: int) -> int:
        """The largest event is the bound: ``v_threshold = bound / S_max``."""
        return sizes["largest"]


streaming.register("buffered", BufferedNeuron)
