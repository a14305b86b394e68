"""The threshold whose quantised activation is nearest to the ANN's where currents are normally distributed."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import torch
from torch import Tensor, nn

from isospike.graphs.normalised import ChannelMoments
from isospike.graphs.op import Op
from isospike.neurons.levels import at_site
from isospike.neurons.quantiser import is_signed
from isospike.options import Count, Decay, Positive, Some
from isospike.scales.rule import Observer, Passive, ScaleRule, channel_values, rules

SPAN = (0.05, 12.0)
"""Range of the search for ``K u``, in ``s + max(mu, 0)``."""
GRID, SECTIONS = 160, 40
"""Units tried in it, and steps of the golden section between two of them."""
NEVER = 1e-9
"""Of a channel that is positive less often than this nothing is known."""
TOGETHER = 64
"""Channels searched at once."""


@dataclass(frozen=True)
class GaussianRule(ScaleRule):
    """``theta = tail K argmin_u E (u k - r)^2``, ``k = clip(floor(z / u + phi), a, K)``, with ``z ~ N(mu, s^2)``.

    ``mu`` and ``s^2`` are the mean and variance of the currents of a channel on the calibration data, ``r = max(z, 0)``
    and ``a = 0``, or ``r = z`` and ``a = -K`` at signed sites. With ``c_i = (i - phi) u``, ``P_i = P(z > c_i)`` and
    ``p_i`` the standard normal density at ``(c_i - mu) / s``,

        E[k r] = a mu + sum_i (mu P_i + s p_i),    E[k^2] = a^2 + sum_i (2 i - 1) P_i,    i = a + 1 .. K,

    and the error is ``u^2 E[k^2] - 2 u E[k r]`` up to a constant: searched on a grid, then by golden section. For
    ``phi = 1/2`` the minimum is the fixed point ``u = E[k r] / E[k^2]``, the threshold iteration of the papers, which
    converges slowly for many levels; their hundred steps may end short of it.

    Currents of trained networks have heavier tails than normal ones: on residual networks the best unit is about a
    third larger, which ``tail`` makes up for; 1 is the rule as printed. Two numbers of a channel are all it needs, but
    the mmse rule, which sees the whole histogram, is better where there are a few dozen images.

    References:
        Huang et al. 2025, *Differential Coding for Training-Free ANN-to-SNN Conversion*, threshold iteration; H-MT
        (AAAI 2026), eq. 29, for any range of codes.
    """

    papers: ClassVar[tuple[str, ...]] = ("huang2025differential",)
    serves_signed = True

    levels: Count | Annotated[tuple[Count, ...], Some()]
    """``K``, the largest code, or one for each site."""
    phase: Decay = 0.5
    """Phase phi of the quantiser; 1/2 at signed sites."""
    tail: Positive = 1.35
    """How much larger a threshold is than the best for normal currents."""

    def at(self, index: int, sites: int) -> ScaleRule:
        """With the levels of the site.

        Raises:
            OptionError: there are not as many levels as sites.
        """
        return replace(self, levels=at_site(self.levels, index, sites))

    def observer(self, op: Op, activation: nn.Module) -> Observer:
        """Running moments of the currents."""
        return _Measured(op, activation, self)


class NormalCurrents(Passive):
    """Thresholds for currents whose moments are known."""

    def __init__(self, op: Op, activation: nn.Module, rule: GaussianRule) -> None:
        assert isinstance(rule.levels, int), "levels of several sites; ask for the rule at one"
        super().__init__(op, activation, rule.granularity)
        self.rule, self.levels = rule, rule.levels
        self.dtype = torch.float32

    @abstractmethod
    def found(self) -> ChannelMoments:
        """Mean and variance of every channel, or of the whole layer."""

    def scale(self) -> Tensor:
        """The best unit of every channel times its levels and the tail, below the ceiling."""
        moments, signed = self.found(), is_signed(self.activation)
        s = moments.variance.sqrt()
        phase = 0.5 if signed else self.rule.phase
        parts = zip(moments.mean.split(TOGETHER), s.split(TOGETHER), strict=True)
        codes = torch.arange(1 - self.levels if signed else 1, self.levels + 1, device=s.device, dtype=s.dtype)
        unit = torch.cat([best_unit(*part, codes, phase=phase) for part in parts])
        theta = unit * (self.levels * self.rule.tail)
        return self.shaped(torch.minimum(theta, self.ceiling(theta).flatten()).to(self.dtype))


class _Measured(NormalCurrents):
    """Moments of the currents that come, float64."""

    def __init__(self, op: Op, activation: nn.Module, rule: GaussianRule) -> None:
        super().__init__(op, activation, rule)
        self.count = 0
        self.mean = self.squares = torch.zeros(())

    def see(self, z: Tensor, a: Tensor) -> None:
        """Take in the currents (Chan et al.'s update of mean and squared deviations)."""
        values = channel_values(z, self).double()
        variance, mean = torch.var_mean(values, 0, correction=0)
        share = len(values) / (self.count + len(values))
        away = mean - self.mean.to(mean)
        self.squares = self.squares.to(mean) + len(values) * variance + away.square() * (self.count * share)
        self.mean = self.mean.to(mean) + away * share
        self.count += len(values)
        self.dtype = z.dtype

    def found(self) -> ChannelMoments:
        """Those so far."""
        return ChannelMoments(self.mean, self.squares / self.count)


def best_unit(mu: Tensor, s: Tensor, codes: Tensor, *, phase: float) -> Tensor:
    """The unit of least squared error for currents ``N(mu, s^2)``, ``[channels]``; zero for those never positive.

    Args:
        mu: mean of every channel, float64.
        s: its standard deviation; without one the unit is ``mu / K``.
        codes: ``a + 1 .. K``, in the type of the moments; ``a = 0`` stands for a rectifier.
        phase: phi.
    """
    signed, levels = bool(codes[0] <= 0), codes[-1].item()
    size = mu.abs() if signed else mu.clamp(min=0)
    safe = s.clamp(min=torch.finfo(s.dtype).tiny)

    def error(unit: Tensor) -> Tensor:
        return squared_error(unit, mu, safe, codes=codes, phase=phase)

    found = _search(error, (safe + size) / levels)
    found = torch.where(s <= 1e-12 * size, size / levels, found)
    never = torch.zeros_like(s, dtype=torch.bool) if signed else torch.special.ndtr(mu / safe) < NEVER
    return torch.where(never, 0.0, found)


def squared_error(unit: Tensor, mu: Tensor, s: Tensor, *, codes: Tensor, phase: float) -> Tensor:
    """``E (u k - r)^2 - E r^2`` for currents ``N(mu, s^2)``, ``[channels]``; see `GaussianRule`."""
    lowest = codes[0] - 1
    mu, s = mu.unsqueeze(1), s.unsqueeze(1)
    above = (mu - (codes - phase) * unit.unsqueeze(1)) / s
    share, density = torch.special.ndtr(above), above.square().mul_(-0.5).exp_() / math.sqrt(2 * math.pi)
    product = lowest * mu.squeeze(1) + (mu * share + s * density).sum(1)
    square = lowest**2 + ((2 * codes - 1) * share).sum(1)
    error: Tensor = unit.square() * square - 2 * unit * product
    return error


def _search(error: Callable[[Tensor], Tensor], size: Tensor) -> Tensor:
    """The minimum of a function of a unit within `SPAN` of a size, both ``[channels]``."""
    factors = torch.logspace(math.log10(SPAN[0]), math.log10(SPAN[1]), GRID).tolist()
    best = torch.stack([error(size * factor) for factor in factors]).argmin(0)
    at = torch.tensor(factors, dtype=size.dtype, device=size.device)
    low, high = size * at[(best - 1).clamp(min=0)], size * at[(best + 1).clamp(max=GRID - 1)]
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(SECTIONS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        smaller = error(left) < error(right)
        low, high = torch.where(smaller, low, left), torch.where(smaller, right, high)
    return (low + high) / 2


rules.register("gaussian", GaussianRule)
