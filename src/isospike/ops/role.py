"""What becomes of an op when the network is converted."""

from __future__ import annotations

import enum


class Role(enum.StrEnum):
    """What becomes of an op when the network is converted."""

    INPUT = "input"
    """The network's input, and what whole numbers of it become before they meet a real one: a constant current."""
    LINEAR = "linear"
    """Affine in the activations: applied to currents and spikes as it is (additive over time)."""
    ACTIVATION = "activation"
    """A rectifier, a piecewise linear function of both signs or a trainable activation: becomes a neuron."""
    PRODUCT = "product"
    """The product of two values that spikes carry: the events of one accumulate values of the other."""
    MAX_POOL = "max_pool"
    """Maximum over windows: handled by a pooling rule."""
    ANALOGUE = "analogue"
    """Not affine: computed on the decoded value, an analogue island."""
    UNSUPPORTED = "unsupported"
    """No rule exists."""
