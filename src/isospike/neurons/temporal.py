"""What a module with memory over time promises to the executors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

Memory = dict[str, Tensor]
"""State of one module in one run, owned and updated in place by the run."""


@dataclass(frozen=True)
class EventCounts:
    """Events of every step and sample; the two differ where one event may be worth several spikes."""

    spikes: Tensor
    """``sum |s_t|``: int64 ``[T, B]``."""
    packets: Tensor
    """How many ``s_t`` are not zero: int64 ``[T, B]``."""
    sent: Tensor | None = None
    """What was sent ``[T, B, ...]``, spikes times their amplitude, where outputs hold more than that."""


class Temporal(nn.Module, ABC):
    """A module that turns currents ``[T, B, ...]`` into outputs ``[T, B, ...]``, one step after the other.

    ``forward`` is the static function that the time average converges to, so that a network with temporal
    modules can be called, calibrated and compared like its ANN.
    """

    spikes: ClassVar[bool]
    """Whether the output changes from step to step even for a constant input."""
    predicts: ClassVar[bool] = False
    """Whether outputs hold more than what is sent: a prediction that whoever reads them makes as well."""
    whole_train: ClassVar[bool] = False
    """Whether all steps must come at once: such a network runs in one piece, layer by layer."""

    @abstractmethod
    def start(self, x: Tensor) -> Memory:
        """Memory before the first step, for inputs shaped like ``x`` ``[B, ...]``."""

    @abstractmethod
    def advance(self, x: Tensor, memory: Memory, *, overwrite: bool) -> tuple[Tensor, EventCounts | None]:
        """Run ``T`` steps.

        Args:
            x: inputs ``[T, B, ...]``; may be one input expanded along ``T``.
            memory: what `start` returned, updated in place.
            overwrite: whether nobody else needs ``x``, so that the outputs may take its memory.

        Returns:
            The outputs ``[T, B, ...]``, and the events counted, or ``None`` if the module does not spike.
        """

    @abstractmethod
    def source(self) -> nn.Module:
        """The module of the ANN in whose place this one stands."""
