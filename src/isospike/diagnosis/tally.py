"""Sums over the images from which the figures of one site are made."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

import torch
from torch import Tensor

from isospike.diagnosis.site import SiteDiagnosis
from isospike.ops.two_sided import TwoSided

SATURATED = 0.95
"""Part of the largest mean output from which a neuron counts as saturated."""
FEW_CHANNELS = 0.1
"""Part of the channels that may have less headroom than is told: they were less active on the calibration images."""
NO_BOUND = 1e-3
"""Part of the largest bound below which a channel has none: it was silent on the calibration images."""


class SiteTally:
    """Squares of differences, spikes and channels of one site.

    Args:
        axis: axis of the channels in ``[B, ...]``.
        spectral_norm: of the operator in front of the site, times the steepest slope behind it; ``None`` without one.
    """

    def __init__(self, axis: int, spectral_norm: float | None) -> None:
        self.axis = axis
        self.spectral_norm = spectral_norm
        self.squares: dict[str, float] = defaultdict(float)
        self.arriving: dict[str, float] = defaultdict(float)
        """By what the site reads, the squares of its errors."""
        self.bounded = True
        self.spikes = self.places = 0
        self._fired: Tensor | None = None
        self._active: Tensor | None = None
        self._saturated: Tensor | None = None
        self._largest: Tensor | None = None
        self._bound: Tensor | None = None

    def add(self, name: str, difference: Tensor) -> None:
        """Add the squares of a difference, or of the activations themselves (``size``)."""
        self.squares[name] += difference.double().square().sum().item()

    def arrive(self, source: str, error: Tensor) -> None:
        """Add the squares of the error of something that the site reads."""
        self.arriving[source] += error.double().square().sum().item()

    def fire(self, train: Tensor) -> None:
        """Note which channels spike in a train ``[t, B, ...]``."""
        fired = self._per_channel((train != 0).flatten(0, 1))
        self._fired = fired if self._fired is None else self._fired + fired

    def count(self, spikes: Tensor, neurons: int) -> None:
        """Count spikes ``[T, B]`` of layers, whose numbers of neurons are given."""
        self.spikes += int(spikes.sum())
        self.places += spikes.numel() * neurons

    def saturate(self, a: Tensor, s: Tensor, largest: Tensor) -> None:
        """Note where the model is active, and where the network then puts out nearly all that it can."""
        active = a != 0
        full = active & (s.abs() >= SATURATED * largest)
        counts = self._per_channel(active), self._per_channel(full)
        self._active = counts[0] if self._active is None else self._active + counts[0]
        self._saturated = counts[1] if self._saturated is None else self._saturated + counts[1]

    def reach(self, largest: Tensor, bound: Tensor) -> None:
        """Note how large activations are, or can be at most, and the bound of the neurons for them, ``[B, ...]``."""
        found = self._channels(largest.abs()).amax(1)
        self._largest = found if self._largest is None else torch.maximum(self._largest, found)
        self._bound = self._channels(bound.expand_as(largest)[:1]).amin(1)

    @property
    def headroom(self) -> float | None:
        """See `SiteDiagnosis`."""
        assert self._largest is not None
        assert self._bound is not None
        known = (self._largest > 0) & (self._bound > NO_BOUND * self._bound.max())
        ratio = (self._bound[known] / self._largest[known]).double()
        return ratio.quantile(FEW_CHANNELS).item() if len(ratio) else None

    def _channels(self, values: Tensor) -> Tensor:
        """``[C, ...]`` of ``[B, ...]``."""
        return values.movedim(self.axis % values.dim(), 0).flatten(1)

    def _per_channel(self, values: Tensor) -> Tensor:
        return self._channels(values).sum(1)

    @property
    def starved(self) -> int:
        """Channels without a spike although the model's activation is not zero somewhere."""
        assert self._fired is not None
        assert self._active is not None
        return int(((self._fired == 0) & (self._active > 0)).sum())

    def relative(self, name: str) -> float:
        """A root mean square over that of the activations, or as it is where these are zero, per value."""
        return float((self.squares[name] / (self.squares["size"] or 1.0)) ** 0.5)

    def bound(self, sources: Mapping[str, float]) -> float | None:
        """What the site does wrong and what arrives, amplified by the spectral norm; ``None`` where that is not known.

        Args:
            sources: squares of errors in the place of the measured ones, by what the site reads.
        """
        if not self.bounded:
            return None
        arriving = sum(sources.get(name, square) for name, square in self.arriving.items())
        carried = 0.0 if self.spectral_norm is None else self.spectral_norm * arriving**0.5
        return float(self.squares["intra"] ** 0.5 + carried + self.squares["steps"] ** 0.5)

    def result(self, site: str, regained: float, model_bound: float | None) -> SiteDiagnosis:
        """The figures."""
        assert self._fired is not None
        assert self._active is not None
        assert self._saturated is not None
        size = (self.squares["size"] or 1.0) ** 0.5
        bound = self.bound({})
        return SiteDiagnosis(
            site=site,
            **{
                f"{name}_error": self.relative(name)
                for name in ("clipping", "quantisation", "unevenness", "local", "accumulated")
            },
            rate=self.spikes / self.places if self.places else 0.0,
            silent_channels=int((self._fired == 0).sum()),
            saturated_channels=int((2 * self._saturated > self._active).sum()),
            channels=len(self._fired),
            spectral_norm=self.spectral_norm,
            bound=None if bound is None else bound / size,
            model_bound=None if model_bound is None else model_bound / size,
            regained=regained,
            headroom=self.headroom,
        )


def model_bounds(tallies: Mapping[str, SiteTally]) -> dict[str, float | None]:
    """By site the bound of its error from what all layers do wrong by themselves, in the units of the activations.

    ``B_l = own_l + |A_l| sqrt(sum_j B_j^2)``: in a chain ``sum_k own_k prod_(k < i <= l) |A_i|``. What is no site, a
    max pool or an analogue island, counts with its measured error, and so does a site that has no bound.

    Args:
        tallies: in order of execution.
    """
    found: dict[str, float | None] = {}
    squares: dict[str, float] = {}
    for site, tally in tallies.items():
        found[site] = bound = tally.bound(squares)
        if bound is not None:
            squares[site] = bound**2
    return found


def envelope(activation: torch.nn.Module, z: Tensor) -> Tensor:
    """An activation without its steps: ``clip(z, 0, ceiling)``, or what it computes where it has two signs or sides."""
    if hasattr(activation, "is_signed"):
        value: Tensor = activation(z)
        return value
    ceiling = ceiling_of(activation)
    rectified = z.clamp(min=0)
    return rectified if ceiling is None else torch.minimum(rectified, torch.as_tensor(ceiling).to(z))


def steepest(activation: torch.nn.Module) -> float:
    """By what an activation makes a difference larger at most."""
    return activation.steepest if isinstance(activation, TwoSided) else 1.0


def ceiling_of(activation: torch.nn.Module) -> Tensor | float | None:
    """The largest value that an activation can have; ``None``: there is none."""
    ceiling: Tensor | float | None = getattr(activation, "bound", getattr(activation, "max_val", None))
    return None if isinstance(ceiling, float) and math.isinf(ceiling) else ceiling
