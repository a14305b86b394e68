"""A signed site: the place of a neuron on an edge whose values may be negative."""

from __future__ import annotations

from torch import Tensor, nn


class SignedSite(nn.Module):
    """``y = x``: nothing in the ANN; the neurons in its place send values of both signs.

    Such a site stands on an edge that carries an analogue value into an op with weights, or into an operand of a
    product, so that spikes drive it.
    """

    is_signed = True
    """Whether outputs may be negative; see `isospike.neurons.is_signed`."""

    def forward(self, x: Tensor) -> Tensor:
        """The same values ``[B, ...]``."""
        return x
