"""What every neuron says about itself, so that nobody has to know its class."""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor, nn


class Kind(enum.StrEnum):
    """What neurons make of time; all of a network make the same of it."""

    STREAMING = "streaming"
    """Spikes come while the input still does: any number of steps, an answer at any step."""
    EMITTING = "accumulate-then-emit"
    """A layer emits when its whole input has arrived: a number of steps of its own, an answer at the end."""


class Neuron(nn.Module, ABC):
    """A layer of neurons in the place of an activation; ``forward`` is the static function that it stands for."""

    kind: ClassVar[Kind]
    """What it makes of time."""
    papers: ClassVar[tuple[str, ...]] = ()
    """BibTeX keys in ``references.bib``."""
    own_options: ClassVar[Mapping[str, type]] = {}
    """Arguments of the constructor beside those that all neurons of a kind have, by name, each with its type (bool,
    int, float or str) and an attribute of the same name: a file keeps them."""
    whole_train: ClassVar[bool] = False
    """Whether all steps must come at once: such a network runs in one piece, layer by layer."""
    soft_reset: ClassVar[bool] = False
    """Whether a spike subtracts what it is worth, so that nothing of a current is lost."""
    serves_signed: ClassVar[bool] = False
    """Whether it may stand in the place of an activation whose values have both signs."""
    corrected_over_time: ClassVar[bool] = False
    """Whether it adds currents of its own at every step, which refinements may change."""
    probe_steps: int = 0
    """Steps at the start that the answer leaves out, after which whatever has memory starts anew."""

    @classmethod
    def title(cls) -> str:
        """What messages and files call it: the class name without the word neuron."""
        return cls.__name__.removesuffix("Neuron") or cls.__name__

    @abstractmethod
    def source(self) -> nn.Module:
        """The module of the ANN in whose place this one stands."""

    @property
    @abstractmethod
    def worth(self) -> Tensor:
        """What one unit of an event is worth to the layers behind; scalar, ``[C, 1, 1]`` or a sample's shape."""

    @property
    @abstractmethod
    def most_units(self) -> int:
        """Most units that it can send: in one step where it streams, in its whole train where it emits."""

    @property
    def is_signed(self) -> bool:
        """Whether it stands at a signed site, so that its spikes have signs."""
        return False

    @property
    def takes_back(self) -> bool:
        """Whether an event may take spikes back."""
        return False

    @abstractmethod
    def constant_output(self, z: Tensor, *, steps: int, probe: int) -> Tensor:
        """Mean output ``Q(z)`` for the same current ``z [B, ...]`` at every step, in activation units.

        Args:
            z: the current.
            steps: number of steps T of a streaming network.
            probe: how many of them are for probing and left out of the mean.
        """

    @abstractmethod
    def largest_output(self, like: Tensor) -> Tensor:
        """The largest mean output: every event as large as can be, one at every step; ``like`` is a current."""

    def bound(self, like: Tensor) -> Tensor:
        """The bound that the thresholds stand for, as a scale rule finds it; ``like`` is a current ``[B, ...]``."""
        return self.largest_output(like)

    def decoded(self, output: Tensor) -> Tensor:
        """Outputs in activation units."""
        return output


def title_of(module: nn.Module) -> str:
    """What messages and files call a module: the title of a neuron, the class name of anything else."""
    return module.title() if isinstance(module, Neuron) else type(module).__name__
