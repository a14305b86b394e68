"""One model of the support matrix."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn

Built = tuple[nn.Module, Tensor | dict[str, Tensor]]
"""A model in eval mode with random weights, and a batch of two samples for it."""


@dataclass(frozen=True)
class Candidate:
    """One row of the matrix."""

    name: str
    """``torchvision:resnet18``, ``timm:vit_tiny_patch16_224``, ``transformers:bert``."""
    build: Callable[[], Built]
    part: str = ""
    """The submodule that becomes spiking, where the rest of the model stays as it is."""

    @property
    def family(self) -> str:
        """The library and the letters that the name begins with."""
        library, _, name = self.name.partition(":")
        return f"{library}:{re.match('[a-z]*', name)[0]}{'.part' * bool(self.part)}"  # type: ignore[index]
