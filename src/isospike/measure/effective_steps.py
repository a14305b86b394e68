"""What accumulate-then-emit neurons with unary codes cost, as a number of plain time steps.

References:
    Ramesh and Srinivasan 2025, *PASCAL*, eq. 16 and appendix (T_norm, T_eff).
"""

from __future__ import annotations

from collections.abc import Sequence

from isospike.errors import OptionError

SPIKE_RATE = 0.75
"""Spikes per neuron over all its steps that the paper's tables assume."""


def if_operations(levels: int, source_steps: int | None = None) -> int:
    """Integrate-and-fire operations of one neuron: ``2 T_in + 2 M + L``, ``M = max(T_in, L) - 1``.

    ``3 L - 1`` soft resets and ``2 L - 1`` counter updates, ``5 L - 2``, when the source has ``T_in = L`` steps too.

    Args:
        levels: ``L``, also the steps of the emitted train.
        source_steps: ``T_in``, the longest train among the sources; ``levels`` by default.
    """
    steps = levels if source_steps is None else source_steps
    return 2 * steps + 2 * (max(steps, levels) - 1) + levels


def operation_ratio(fan_in: int, spike_rate: float = SPIKE_RATE) -> float:
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


def effective_steps(ratios: Sequence[float], levels: Sequence[int]) -> float:
    """``T_eff = mean_l(r_E^l T^l)``, ``T^l = L^l``; with the same ``L`` in every layer it is the paper's ``T_norm``.

    Args:
        ratios: ``r'`` of every layer, from `operation_ratio`.
        levels: ``L`` of every layer, in the same order.

    Raises:
        OptionError: there is no layer, a level is below 1, or the two differ in length (a mean over the shorter
            list, as behind the printed T_eff of ResNet-18, leaves layers out).
    """
    if not ratios or len(ratios) != len(levels):
        raise OptionError(f"{len(ratios)} ratios for {len(levels)} levels; give one of each for every layer")
    if min(levels) < 1:
        raise OptionError(f"levels must be at least 1, got {min(levels)}")
    costs = [energy_ratio(ratio, steps) * steps for ratio, steps in zip(ratios, levels, strict=True)]
    return sum(costs) / len(costs)
