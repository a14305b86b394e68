"""What accumulate-then-emit neurons with unary codes cost, as a number of plain time steps.

References:
    Ramesh and Srinivasan 2025, *PASCAL*, eq. 16 and appendix (T_norm, T_eff).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import fx

from isospike.errors import OptionError
from isospike.graphs.graph import Graph, op_of
from isospike.graphs.macs import macs_by_node
from isospike.network import SNN
from isospike.neurons import Pasc, if_operations
from isospike.ops import Role

SPIKE_RATE = 0.75
"""Spikes per neuron over all its steps that the paper's tables assume."""


def operation_ratio(fan_in: float, spike_rate: float = SPIKE_RATE) -> float:
    """``r' = 1 / (fan_in * spike_rate)``: one IF operation against the synaptic ones of a neuron.

    Args:
        fan_in: synapses of a neuron: ``C_in K_h K_w`` of a convolution (per group), ``C_in`` of a linear layer.
        spike_rate: spikes per source neuron over all steps.

    Raises:
        OptionError: one of them is not above zero.
    """
    if fan_in < 1 or not spike_rate > 0:
        raise OptionError(f"fan_in and spike_rate must be above zero, got {fan_in} and {spike_rate}")
    return 1 / (fan_in * spike_rate)


def energy_ratio(ratio: float, levels: int) -> float:
    """``r_E = (1 + (5 L - 2) r') / (1 + L r')``: the neuron's energy over that of plain IF for ``L`` steps."""
    return (1 + if_operations(levels) * ratio) / (1 + levels * ratio)


def overall_energy_ratio(ratios: Sequence[float], levels: Sequence[int]) -> float:
    """``r_E = mean_l(r_E^l)`` of a network; with ``L`` levels in every layer the paper's ``T_norm`` is ``r_E L``.

    Args:
        ratios: ``r'`` of every layer, from `operation_ratio`.
        levels: ``L`` of every layer, in the same order.

    Raises:
        OptionError: see `effective_steps`.
    """
    _check(ratios, levels)
    return sum(map(energy_ratio, ratios, levels)) / len(levels)


def effective_steps(ratios: Sequence[float], levels: Sequence[int]) -> float:
    """``T_eff = mean_l(r_E^l T^l)``, ``T^l = L^l``; with the same ``L`` in every layer it is the paper's ``T_norm``.

    Args:
        ratios: ``r'`` of every layer, from `operation_ratio`.
        levels: ``L`` of every layer, in the same order.

    Raises:
        OptionError: there is no layer, a level is below 1, or the two differ in length (a mean over the shorter
            list, as behind the printed T_eff of ResNet-18, leaves layers out).
    """
    _check(ratios, levels)
    costs = [energy_ratio(ratio, steps) * steps for ratio, steps in zip(ratios, levels, strict=True)]
    return sum(costs) / len(costs)


def _check(ratios: Sequence[float], levels: Sequence[int]) -> None:
    if not ratios or len(ratios) != len(levels):
        raise OptionError(f"{len(ratios)} ratios for {len(levels)} levels; give one of each for every layer")
    if min(levels) < 1:
        raise OptionError(f"levels must be at least 1, got {min(levels)}")


def energy_ratio_of(snn: SNN, *, spike_rate: float = SPIKE_RATE) -> float:
    """The overall ``r_E`` of a network of PASC neurons, its fan-ins and levels as in `effective_steps_of`.

    Args:
        snn: the network.
        spike_rate: spikes per source neuron over all steps.

    Raises:
        OptionError: a site has other neurons, or the rate is not above zero.
    """
    return overall_energy_ratio(*_layers(snn, spike_rate))


def effective_steps_of(snn: SNN, *, spike_rate: float = SPIKE_RATE) -> float:
    """T_eff of a network of PASC neurons, its fan-ins and levels as they are; see `effective_steps`.

    The fan-in of a neuron is the sum of the synapses, padding included, of all layers between it and the neurons
    before; at least one.

    Args:
        snn: the network.
        spike_rate: spikes per source neuron over all steps.

    Raises:
        OptionError: a site has other neurons, or the rate is not above zero.
    """
    return effective_steps(*_layers(snn, spike_rate))


def _layers(snn: SNN, spike_rate: float) -> tuple[list[float], list[int]]:
    """``r'`` and levels of every site."""
    neurons = {site: snn.graph.get_submodule(site) for site in snn.sites}
    others = {site: type(neuron).__name__ for site, neuron in neurons.items() if not isinstance(neuron, Pasc)}
    if others:
        site, kind = next(iter(others.items()))
        raise OptionError(f"effective steps are those of Pasc neurons; site '{site}' has {kind} neurons")
    macs = macs_by_node(snn.graph)
    ratios = [operation_ratio(_fan_in(snn.graph, site, macs), spike_rate) for site in snn.sites]
    return ratios, [neuron.levels for neuron in neurons.values() if isinstance(neuron, Pasc)]


def _fan_in(graph: Graph, site: str, macs: dict[fx.Node, int]) -> float:
    """Synapses of one neuron: those of every op from which its currents come without another neuron between."""
    (neuron,) = (node for node in graph.nodes_with(Role.ACTIVATION) if op_of(node).name == site)
    found, waiting = set[fx.Node](), list(neuron.all_input_nodes)
    while waiting:
        node = waiting.pop()
        if node.op in ("call_module", "call_function") and op_of(node).role is not Role.ACTIVATION:
            found.add(node)
            waiting += [source for source in node.all_input_nodes if source not in found]
    return max(1.0, sum(macs[node] / torch.Size(op_of(node).shape).numel() for node in found if macs[node]))
