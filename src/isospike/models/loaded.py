"""What a model source gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

from isospike.data.preprocess import Preprocess
from isospike.registry import Registry


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A network in evaluation mode, with what its source knows about its input."""

    name: str
    """The name within its source, such as ``resnet18``, or that of the factory."""
    model: nn.Module
    """The network, in evaluation mode."""
    preprocess: Preprocess | None
    """How its published weights expect images, or None where the source does not say."""
    example_shape: tuple[int, ...] | None
    """Shape of an input with a batch of one, or None where the source does not say."""
    weights: str
    """What the weights are: `RANDOM`, the name under which a library published them, a file, or the factory's own."""


RANDOM = "random"
"""The weights of a library's network that nothing was loaded into."""
OF_FACTORY = "as the factory made them"
"""The weights of the user's own network; the user's code may have loaded them."""


@dataclass(frozen=True)
class Library:
    """A library of networks with names."""

    build: Callable[[str, bool], LoadedModel]
    """The network of a name, and whether to load the weights that the library publishes."""
    names: Callable[[], list[str]]
    """The names of all; raises `ModelError` where the library is not installed."""


sources: Registry[Library] = Registry("model source")
