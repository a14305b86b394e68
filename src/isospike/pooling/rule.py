"""What a max-pooling rule for spiking networks promises."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from isospike.memory_format import empty_sequence
from isospike.neurons.temporal import Temporal
from isospike.registry import Registry


class MaxPoolRule(Temporal):
    """A max pool over sequences; wraps the ANN's own pool, which stays the static function."""

    spikes = False
    papers: ClassVar[tuple[str, ...]] = ()
    """BibTeX keys in ``references.bib``."""
    before_neuron: ClassVar[bool]
    """Whether the pool is moved in front of the neuron that directly precedes it (exact in the ANN)."""

    def __init__(self, pool: nn.Module) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        """The ANN's max pool."""
        y: Tensor = self.pool(x)
        return y

    def source(self) -> nn.Module:
        """The ANN's max pool."""
        return self.pool


rules: Registry[type[MaxPoolRule]] = Registry("pooling rule")
"""Pooling rules by name."""


def running_sums(x: Tensor, total: Tensor) -> Tensor:
    """Sums of ``x [T, B, ...]`` up to every step, starting from and updating ``total``.

    One addition after the other: ``torch.cumsum`` may accumulate in a wider type than a single step would.
    """
    sums = empty_sequence(x)
    for value, running in zip(x.unbind(), sums.unbind(), strict=True):
        running.copy_(total.add_(value))
    return sums
