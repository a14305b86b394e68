"""The soft-reset integrate-and-fire neuron."""

from __future__ import annotations

from isospike.neurons.streaming_neuron import streaming
from isospike.neurons.tracker import Tracker


class IntegrateAndFire(Tracker):
    """Integrate-and-fire neurons with soft reset and a rate code, in mean form.

    ``v <- v + z_t``; ``s_t = [v >= v_threshold]``; ``v <- v - v_threshold * s_t``; the output at step ``t`` is
    ``v_threshold * s_t``. For a constant current ``z`` and ``0 <= v_init < v_threshold`` the spike count after ``T``
    steps is ``clip(floor((v_init + T z) / v_threshold), 0, T)``, so the mean output converges to
    ``clip(z, 0, v_threshold)`` as ``1/T``. The arguments are those of `StreamingNeuron`.

    References:
        Rueckauer et al. 2017, *Conversion of Continuous-Valued Deep Networks to Efficient Event-Driven Networks*,
        eq. 4 (reset by subtraction).
    """


streaming.register("integrate-and-fire", IntegrateAndFire)
