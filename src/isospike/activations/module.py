"""The layers that hold trained bounds."""

from __future__ import annotations

from torch import Tensor, nn

from isospike.activations.activation import Activation
from isospike.activations.operator import GUARD


class TrainableActivation(nn.Module):
    """One site's activation with its trainable bound.

    The parameter is the logarithm of the bound. So the bound is positive whatever the optimiser does, a step changes
    it by a ratio (a network with all activations scaled trains alike), and no scale has to be chosen, as softplus
    would need. Weight decay must leave it alone: it would pull every bound to 1.

    Args:
        activation: the configuration.
        log_bound: logarithm of the bound: scalar, or one value per channel in a shape that broadcasts.
    """

    def __init__(self, activation: Activation, log_bound: Tensor) -> None:
        super().__init__()
        self.activation = activation
        self.log_bound = nn.Parameter(log_bound.detach().clone())

    @property
    def bound(self) -> Tensor:
        """The bound ``lambda`` in activation units: scalar, or one value per channel."""
        return self.log_bound.detach().exp()

    @property
    def levels(self) -> int | None:
        """Number of steps between 0 and the bound; ``None``: the output is not a staircase."""
        return self.activation.stairs

    @property
    def shift(self) -> float:
        """Shift of the staircase in steps, guard included: 1/2 rounds, 0 floors."""
        return self.activation.phi + GUARD

    def forward(self, x: Tensor) -> Tensor:
        """The activation of currents ``[B, ...]``."""
        return self.activation(x, self.log_bound)

    def extra_repr(self) -> str:
        """The configuration."""
        return repr(self.activation)


class Mirrored(nn.Module):
    """``sign * a(sign * x)``: an activation whose trained bound was negative somewhere.

    A capture sees two multiplications by a constant, which are linear, and the activation with its positive bound.

    Args:
        activation: the layer with the positive bounds.
        sign: 1 or -1, in the shape of the bounds.
    """

    sign: Tensor

    def __init__(self, activation: TrainableActivation, sign: Tensor) -> None:
        super().__init__()
        self.activation = activation
        self.register_buffer("sign", sign)

    def forward(self, x: Tensor) -> Tensor:
        """The activation of currents ``[B, ...]``."""
        y: Tensor = self.activation(x * self.sign) * self.sign
        return y
