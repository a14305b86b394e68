"""The inputs of one batch: a tensor, or several by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from isospike.errors import CaptureError


@dataclass(frozen=True)
class NamedInputs:
    """Several inputs of one batch, each ``[B, ...]``, by the names under which the model takes them.

    Tokens and masks are whole numbers; they are the same at every time step. It answers to the few names of a tensor
    that a stage asks of a batch, so that stages need not tell the two apart.
    """

    tensors: dict[str, Tensor]

    def __len__(self) -> int:
        """The number of samples B."""
        return len(next(iter(self.tensors.values())))

    def __getitem__(self, rows: Any) -> NamedInputs:
        """Some of the samples."""
        return self.map(lambda tensor: tensor[rows])

    def map(self, change: Callable[[Tensor], Tensor]) -> NamedInputs:
        """The same change of every input."""
        return NamedInputs({name: change(tensor) for name, tensor in self.tensors.items()})

    def split(self, count: int, dim: int = 0) -> list[NamedInputs]:
        """Parts of ``count`` samples."""
        return [self[start : start + count] for start in range(0, len(self), count)]

    def chunk(self, count: int) -> list[NamedInputs]:
        """Parts, ``count`` of them, equal in size to one sample."""
        return self.split(-(-len(self) // count))

    def clone(self) -> NamedInputs:
        """A copy with memory of its own."""
        return self.map(Tensor.clone)

    def to(self, *args: Any) -> NamedInputs:
        """On another device, or real numbers in another format; whole numbers stay what they are."""
        return self.map(lambda tensor: converted(tensor, *args))

    def dim(self) -> int:
        """That of the first; named inputs are samples, never sequences."""
        return next(iter(self.tensors.values())).dim()

    def element_size(self) -> int:
        """Bytes of a real number of the network, taken as those of the widest input."""
        return max(tensor.element_size() for tensor in self.tensors.values())

    @property
    def dtype(self) -> torch.dtype:
        """That of the first."""
        return next(iter(self.tensors.values())).dtype

    @property
    def device(self) -> torch.device:
        """That of the first."""
        return next(iter(self.tensors.values())).device


Inputs = Tensor | NamedInputs
"""What a network takes at once: one tensor ``[B, ...]``, or several by name."""
T = TypeVar("T", Tensor, NamedInputs, Inputs)


def as_inputs(value: Any) -> Any:
    """A mapping of tensors as named inputs; anything else as it is."""
    names = isinstance(value, Mapping) and value and all(isinstance(name, str) for name in value)
    if names and all(isinstance(tensor, Tensor) for tensor in value.values()):
        return NamedInputs(dict(value))
    return value


def each(inputs: Inputs) -> dict[str, Tensor]:
    """Every tensor, by its name; one alone has none."""
    return {"": inputs} if isinstance(inputs, Tensor) else inputs.tensors


def mapped(inputs: T, change: Callable[[Tensor], Tensor]) -> T:
    """The same change of every tensor."""
    return change(inputs) if isinstance(inputs, Tensor) else inputs.map(change)


def concatenated(parts: Sequence[T]) -> T:
    """Batches behind each other."""
    first = parts[0]
    if isinstance(first, Tensor):
        return torch.cat([part for part in parts if isinstance(part, Tensor)])
    names = first.tensors
    return NamedInputs({name: torch.cat([each(part)[name] for part in parts]) for name in names})


def converted(tensor: Tensor, *args: Any) -> Tensor:
    """A tensor on another device or in another format of real numbers; whole numbers keep theirs."""
    formats = [arg for arg in args if isinstance(arg, torch.dtype)]
    if formats and not tensor.is_floating_point():
        args = tuple(arg for arg in args if not isinstance(arg, torch.dtype))
        return tensor.to(*args) if args else tensor
    return tensor.to(*args)


def ordered(inputs: Inputs, names: Sequence[str]) -> tuple[Tensor, ...]:
    """The tensors of named inputs in the order of these names; one tensor is the only one.

    Raises:
        CaptureError: the names are others.
    """
    if isinstance(inputs, Tensor):
        return (inputs,)
    if set(names) != set(inputs.tensors):
        raise CaptureError(other_names(names, list(inputs.tensors)))
    return tuple(inputs.tensors[name] for name in names)


def other_names(names: Sequence[str], given: Sequence[str]) -> str:
    """That a network was given other inputs than it has, and what to do."""
    return (
        f"the network takes the inputs {', '.join(names)}, it was given {', '.join(given)}; give a mapping with "
        "exactly these names"
    )


def shapes(inputs: Inputs) -> str:
    """The shapes, for messages."""
    return ", ".join(f"{name} {list(tensor.shape)}".strip() for name, tensor in each(inputs).items())


def called(model: nn.Module, inputs: Inputs) -> Any:
    """What a model answers: inputs with names are given by them."""
    return model(inputs) if isinstance(inputs, Tensor) else model(**inputs.tensors)
