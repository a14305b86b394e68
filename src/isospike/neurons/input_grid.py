"""The grid on which the inputs of an exact network lie."""

from __future__ import annotations

from torch import Tensor, nn

from isospike.errors import SimulationError


class InputGrid(nn.Module):
    """Rounds inputs to multiples of ``2^-fraction`` and refuses those above ``limit``.

    Args:
        fraction: binary digits behind the point.
        limit: largest magnitude for which every sum of the network was shown to be exact.
    """

    def __init__(self, fraction: int, limit: float) -> None:
        super().__init__()
        self.fraction = fraction
        self.limit = limit

    def forward(self, x: Tensor) -> Tensor:
        """Inputs ``[B, ...]`` on the grid.

        Raises:
            SimulationError: an input is larger than the limit.
        """
        largest = x.abs().max().item()
        if largest > self.limit:
            raise SimulationError(
                f"an input of magnitude {largest:g} is outside the range of {self.limit:g} in which this network is "
                "exact; convert it again with data that cover such inputs"
            )
        step = 2.0**-self.fraction
        return (x / step).round_() * step

    def extra_repr(self) -> str:
        """Fraction and limit."""
        return f"fraction={self.fraction}, limit={self.limit}"
