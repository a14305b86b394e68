"""Neurons that run a few steps to find out about themselves before they run."""

from __future__ import annotations

from abc import ABC

import torch
from torch import Tensor, nn

from isospike.neurons.integrate_and_fire import IntegrateAndFire
from isospike.neurons.rate import RateNeuron
from isospike.registry import Registry

TOLERANCE = 1e-3
"""In thresholds: below it a potential counts as zero, and a shift goes so far beyond what it has to."""


class Probing(RateNeuron, ABC):
    """Integrate-and-fire neurons with ``probe_steps`` steps of probing, which the answer leaves out.

    Everything else with memory, pools and islands, starts anew behind the probe, so that the answer is that of a run of
    its own.

    Args:
        neuron: the neurons.
        probe_steps: number of probing steps rho; T steps in all leave T - rho.
    """

    def __init__(self, neuron: IntegrateAndFire, probe_steps: int) -> None:
        super().__init__()
        self.neuron = neuron
        self.probe_steps = probe_steps

    @property
    def v_threshold(self) -> Tensor:  # type: ignore[override] # a property where others have a buffer
        """That of the neurons."""
        return self.neuron.v_threshold

    @property
    def v_init(self) -> Tensor:  # type: ignore[override]
        """That of the neurons before they were probed."""
        return self.neuron.v_init

    @property
    def most_units(self) -> int:
        """Those of the neurons."""
        return self.neuron.most_units

    def bound(self, like: Tensor) -> Tensor:
        """That of the neurons."""
        return self.neuron.bound(like)

    def forward(self, x: Tensor) -> Tensor:
        """The static function of the neurons."""
        y: Tensor = self.neuron(x)
        return y

    def source(self) -> nn.Module:
        """That of the neurons."""
        return self.neuron.source()

    def extra_repr(self) -> str:
        """Number of probing steps."""
        return f"probe_steps={self.probe_steps}"


probings: Registry[type[Probing]] = Registry("probing neuron")
"""Neurons that probe, by name."""


def count_binary(out: Tensor) -> Tensor:
    """Spikes of every step and sample, int64 ``[T, B]``, of neurons that send one at most."""
    return torch.count_nonzero(out.flatten(2), 2)
