"""How long the first spikes take to reach the output (delayed evaluation)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from isospike.calibrate.collect import observe
from isospike.graphs.graph import Graph
from isospike.inputs import Inputs
from isospike.neurons import RateNeuron
from isospike.ops import Role


def measure_delay(graph: Graph, inputs: Inputs) -> int:
    """``t0 = floor(sum_l r_l)`` with ``r_l = min_i (theta_i - v_init_i) / mean_batch(relu(z_i))``.

    ``r_l`` is the time in which the fastest neuron of layer ``l`` fires first, its input being the mean current that
    one batch gives; a silent layer adds nothing.

    Args:
        graph: the network with neurons; they answer with their static function ``clip(z, 0, theta)``.
        inputs: one batch ``[B, ...]``.
    """
    observed = graph.view()
    timers = []
    for node in observed.nodes_with(Role.ACTIVATION):
        neuron = observed.module_of(node)
        assert isinstance(neuron, RateNeuron)
        timer = _FirstSpike(neuron)
        timers.append(timer)
        observed.replace(node, timer)
    observe(observed, [inputs])
    return int(sum(timer.time for timer in timers))


class _FirstSpike(nn.Module):
    def __init__(self, neuron: RateNeuron) -> None:
        super().__init__()
        self.neuron = neuron
        self.time = 0.0

    def forward(self, z: Tensor) -> Tensor:
        current = z.clamp(min=0).mean(0)
        wait = (self.neuron.v_threshold - self.neuron.v_init) / current
        fastest = torch.where(current > 0, wait, torch.inf).min().item()
        self.time = fastest if fastest < float("inf") else 0.0
        y: Tensor = self.neuron(z)
        return y
