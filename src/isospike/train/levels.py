"""The levels of every site during a training: the network's own at first, adapted ones at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from isospike.activations import Activation, TrainableActivation
from isospike.errors import OptionError


@dataclass(frozen=True)
class LevelSchedule:
    """The network's own levels for two thirds of the epochs, then each site's adapted ones.

    The bound of an activation stays as it is when its levels change; optimiser and learning-rate schedule go on.

    Raises:
        OptionError: there are no levels.

    References:
        Ramesh and Srinivasan 2025, *PASCAL* (200 of 300 epochs on CIFAR, 80 of 120 on ImageNet).
    """

    adapted: Mapping[str, int]
    """Levels of every trainable activation at the end, by its path in the network, from `allocate_levels`."""

    def __post_init__(self) -> None:
        """Check that there is something to adapt."""
        if not self.adapted:
            raise OptionError("a level schedule needs the levels of every site; see isospike.refine.allocate_levels")

    @staticmethod
    def switch(epochs: int) -> int:
        """The first of ``epochs``, counted from 0, with the adapted levels: two thirds of all, rounded down."""
        return 2 * epochs // 3

    def check(self, model: nn.Module) -> None:
        """Refuse a schedule for other sites.

        Raises:
            OptionError: sites are missing or unknown, an activation has no levels, or does not take these.
        """
        sites = _sites(model)
        missing, unknown = sorted(set(sites) - set(self.adapted)), sorted(set(self.adapted) - set(sites))
        if missing or unknown:
            raise OptionError(f"levels by site: missing {missing}, unknown {unknown}")
        for name, module in sites.items():
            _with_levels(name, module.activation, self.adapted[name])

    def adapt(self, model: nn.Module) -> None:
        """Give every activation of a network its levels, in place."""
        for name, module in _sites(model).items():
            module.activation = _with_levels(name, module.activation, self.adapted[name])


def _sites(model: nn.Module) -> dict[str, TrainableActivation]:
    return {name: module for name, module in model.named_modules() if isinstance(module, TrainableActivation)}


def _with_levels(name: str, activation: Activation, levels: int) -> Activation:
    if activation.stairs is None:
        raise OptionError(f"'{name}' is {activation.name}, which has no levels to adapt; train qcfs or qrelu")
    options: dict[str, Any] = {"levels": levels}
    return replace(activation, **options)
