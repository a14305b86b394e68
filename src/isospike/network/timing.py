"""What a network's nodes make of time: asked by accounts and diagnoses, whatever the kind of the network."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import fx


class Timing(ABC):
    """How long the sequence of every node is, and what is a train of spikes."""

    analogue_steps: int | None
    """Steps in which an analogue value comes; ``None``: at every step of the network."""

    @abstractmethod
    def stays_train(self, pool: fx.Node) -> bool:
        """Whether a max pool of spike trains gives a spike train."""

    @abstractmethod
    def steps_of(self, node: fx.Node) -> int | None:
        """Length of a node's own sequence; ``None``: it has all steps of the network."""

    @abstractmethod
    def updates(self, site: fx.Node, steps: int) -> int:
        """How often one neuron of a site is updated in a run of ``steps`` steps."""


class CommonClock(Timing):
    """Every layer works at every step."""

    analogue_steps = None

    def stays_train(self, pool: fx.Node) -> bool:
        """Always."""
        return True

    def steps_of(self, node: fx.Node) -> int | None:
        """All."""
        return None

    def updates(self, site: fx.Node, steps: int) -> int:
        """At every step."""
        return steps
