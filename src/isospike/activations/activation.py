"""A trainable activation as a configuration, and the registry of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, TypeVar

import torch
from torch import Tensor

from isospike.errors import OptionError
from isospike.options import Configuration, Positive, Range
from isospike.registry import Registry

if TYPE_CHECKING:
    from isospike.activations.module import Mirrored, TrainableActivation

Granularity = Literal["layer", "channel"]
"""One value for a whole layer or one per channel."""
MOST_LEVELS = 2**16 - 1
"""Sixteen bits. In float32 the guard of 2^-12 of a step is lost to rounding from about 2^11 levels on."""
Levels = Annotated[int, Range(1, MOST_LEVELS)]
"""Steps between 0 and the bound."""


@dataclass(frozen=True, kw_only=True)
class Activation(Configuration, ABC):
    """The instance is the configuration; `module` makes the layer that is trained."""

    name: ClassVar[str]
    """Name on the command line; with ``_`` for ``-`` the name of the operator."""
    papers: ClassVar[tuple[str, ...]] = ()
    """BibTeX keys in ``references.bib``."""

    granularity: Granularity = "layer"
    """One bound per layer or per channel."""
    bound: Positive = 8.0
    """First value of the bounds that no calibration data set, in activation units (8: Bu et al. 2022)."""

    @classmethod
    def title(cls) -> str:
        """Its name."""
        return cls.name

    @classmethod
    def summary(cls) -> str:
        """First line of the docstring."""
        return (cls.__doc__ or "").strip().splitlines()[0]

    @abstractmethod
    def __call__(self, x: Tensor, log_bound: Tensor) -> Tensor:
        """The activation of currents ``[B, ...]``; ``log_bound`` broadcasts to them."""

    @property
    @abstractmethod
    def stairs(self) -> int | None:
        """Number of levels above 0, up to the bound; ``None``: the activation is not a staircase."""

    @property
    def phi(self) -> float:
        """Shift of the staircase in steps, ``floor(x / u + phi)``: 1/2 rounds, 0 floors; 1/2 where there is none."""
        return 0.5

    def module(self, bound: float | Tensor | None = None) -> TrainableActivation | Mirrored:
        """A layer with its own trainable bound, e.g. to build a network with or to import trained bounds.

        A bound that was trained without a constraint may be negative. Then the layer computes
        ``a(x; -b) = -a(-x; b)``, which is the same function (negations around a positive bound).

        Args:
            bound: scalar, or one value per channel in a shape that broadcasts, e.g. ``[C, 1, 1]``; by default the
                configured one for the layer.

        Raises:
            OptionError: a bound is zero, NaN or infinite, or its shape is not that of the granularity.
        """
        from isospike.activations.module import Mirrored, TrainableActivation

        if bound is None:
            self.require(self.granularity == "layer", "granularity", "layer unless the bounds are given")
        values = torch.as_tensor(self.bound if bound is None else bound).detach()
        values = values if values.is_floating_point() else values.float()
        if not bool(((values != 0) & values.isfinite()).all()):
            raise OptionError(f"{self.name}: bound must be finite and not zero, got {values.tolist()!r:.80}")
        per_layer = values.numel() == 1 and self.granularity == "layer"
        self.require(per_layer or self.granularity == "channel", "bound", "a single value for granularity layer")
        values = values.reshape(()) if per_layer else values
        layer = TrainableActivation(self, values.abs().log())
        return layer if bool((values > 0).all()) else Mirrored(layer, values.sign())


activations: Registry[type[Activation]] = Registry("activation")
"""Trainable activations by name."""

A = TypeVar("A", bound=Activation)


def register_activation(kind: type[A]) -> type[A]:
    """Class decorator: make an activation known to the command line, the capture and the law tests."""
    activations.register(kind.name, kind)
    return kind
