"""Sums over the images from which the figures of one site are made."""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor

from isospike.diagnose.diagnosis import SiteDiagnosis

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
        spectral_norm: of the operator in front of the site; ``None`` without one.
    """

    def __init__(self, axis: int, spectral_norm: float | None) -> None:
        self.axis = axis
        self.spectral_norm = spectral_norm
        self.squares: dict[str, float] = defaultdict(float)
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

    def fire(self, train: Tensor) -> None:
        """Note which channels spike in a train ``[t, B, ...]``."""
        fired = self._per_channel((train != 0).flatten(0, 1))
        self._fired = fired if self._fired is None else self._fired + fired

    def count(self, spikes: Tensor, neurons: int) -> None:
        """Count spikes ``[T, B]`` of layers of so many neurons."""
        self.spikes += int(spikes.sum())
        self.places += spikes.numel() * neurons

    def saturate(self, a: Tensor, s: Tensor, largest: Tensor) -> None:
        """Note where the model is active, and where the network then puts out nearly all that it can."""
        active = a > 0
        full = active & (s >= SATURATED * largest)
        counts = self._per_channel(active), self._per_channel(full)
        self._active = counts[0] if self._active is None else self._active + counts[0]
        self._saturated = counts[1] if self._saturated is None else self._saturated + counts[1]

    def reach(self, largest: Tensor, bound: Tensor) -> None:
        """Note how large activations are, or can be at most, and the bound of the neurons for them, ``[B, ...]``."""
        found = self._channels(largest).amax(1)
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
        """Channels without a spike although the model's activation is positive somewhere."""
        assert self._fired is not None
        assert self._active is not None
        return int(((self._fired == 0) & (self._active > 0)).sum())

    def relative(self, name: str) -> float:
        """A root mean square over that of the activations, or as it is where these are zero, per value."""
        size = self.squares["size"]
        return float((self.squares[name] / size if size else self.squares[name]) ** 0.5)

    def result(self, site: str, regained: float) -> SiteDiagnosis:
        """The figures."""
        assert self._fired is not None
        assert self._active is not None
        assert self._saturated is not None
        bound = None
        if self.bounded:
            carried = 0.0 if self.spectral_norm is None else self.spectral_norm * self.relative("sources")
            bound = self.relative("intra") + carried + self.relative("steps")
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
            bound=bound,
            regained=regained,
            headroom=self.headroom,
        )


def envelope(activation: torch.nn.Module, z: Tensor) -> Tensor:
    """An activation without its steps, ``clip(z, 0, ceiling)``: a map that never makes a difference larger."""
    ceiling = ceiling_of(activation)
    rectified = z.clamp(min=0)
    return rectified if ceiling is None else torch.minimum(rectified, torch.as_tensor(ceiling).to(z))


def ceiling_of(activation: torch.nn.Module) -> Tensor | float | None:
    """The largest value that an activation can have; ``None``: there is none."""
    ceiling: Tensor | float | None = getattr(activation, "max_val", None)
    return getattr(activation, "bound", None) if ceiling is None else ceiling
