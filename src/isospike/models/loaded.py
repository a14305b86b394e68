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


sources: Registry[Callable[[str], LoadedModel]] = Registry("model source")
