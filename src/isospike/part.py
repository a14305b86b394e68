"""A part of a model that becomes spiking: what reaches it during calibration, and the model around the network."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from isospike.calibrate.batches import Batch, Batches
from isospike.data.reading import Layout
from isospike.errors import CaptureError, ConversionError
from isospike.graphs import Graph
from isospike.graphs.export import check_at_rest, names_taken
from isospike.inputs import Inputs, NamedInputs, called
from isospike.messages import one_line
from isospike.methods.method import Method
from isospike.network import SNN
from isospike.neurons import Kind

NAMED = 8
"""Submodules that a message names."""


class PartInputs:
    """The inputs that reach a submodule as the model runs on its own, batch by batch: no more than one is kept.

    Args:
        model: the whole, in eval mode; it is not changed.
        part: name of the submodule.
        data: batches of the whole model's inputs.
        layout: see `isospike.convert`.

    Raises:
        CaptureError: the model is in train mode.
        ConversionError: there is no such submodule.
        CalibrationError, DataError: as `Batches`.
    """

    def __init__(self, model: nn.Module, part: str, data: Iterable[Batch], *, layout: Layout | None = None) -> None:
        self.model, self.name, self.part = model, part, submodule(model, part)
        check_at_rest(model)
        self._batches = Batches(data, layout=layout, names=names_taken(model))

    def __iter__(self) -> Iterator[Batch]:
        """One batch of the part's inputs for every batch of the model's.

        Raises:
            CaptureError: the model fails on a batch, or does not call the part exactly once, with tensors.
        """
        for inputs in self._batches:
            found = self._reaching(inputs)
            yield found if isinstance(found, Tensor) else found.tensors

    @torch.no_grad()
    def _reaching(self, inputs: Inputs) -> Inputs:
        calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        handle = self.part.register_forward_pre_hook(
            lambda _, args, kwargs: calls.append((args, kwargs)), with_kwargs=True
        )
        try:
            called(self.model, inputs)
        except Exception as error:  # the model's code is the user's
            raise CaptureError(f"the model fails on a calibration batch: {one_line(error)}") from error
        finally:
            handle.remove()
        if len(calls) != 1:
            raise CaptureError(
                f"the model calls part '{self.name}' {len(calls)} times in one forward pass, and it can become spiking "
                "where it is called once; name another submodule, such as one that holds it or that it holds"
            )
        args, kwargs = calls[0]
        return inputs_of(inspect.signature(self.part.forward), args, kwargs, name=self.name)


def inputs_of(signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any], *, name: str) -> Inputs:
    """The inputs of one call: the tensor, or several by name; what has its default value is left out.

    Raises:
        CaptureError: another value is no tensor.
    """
    bound = signature.bind(*args, **kwargs).arguments
    by_name: dict[str, Any] = {}
    for key, value in bound.items():
        parameter = signature.parameters[key]
        if parameter.kind is parameter.VAR_KEYWORD:
            by_name |= value
        elif isinstance(value, Tensor) or not (value is parameter.default or value == parameter.default):
            by_name[key] = value
    others = [key for key, value in by_name.items() if not isinstance(value, Tensor)]
    if others or not by_name:
        raise CaptureError(
            f"the model calls part '{name}' with {', '.join(others) or 'no input'}, which are no tensors; wrap it in a "
            "module whose forward takes tensors alone"
        )
    if len(by_name) == 1 and next(iter(by_name)) == next(iter(signature.parameters)):
        return next(iter(by_name.values()))  # type: ignore[no-any-return]
    return NamedInputs(by_name)


class SpikingPart(nn.Module):
    """A network in the place of a submodule, which takes what that took.

    Args:
        snn: the network.
        signature: of the submodule's ``forward``.
        name: of the submodule.
    """

    def __init__(self, snn: SNN, signature: inspect.Signature, name: str) -> None:
        super().__init__()
        self.snn, self.name, self._signature = snn, name, signature

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The network's answer, structured like the submodule's output."""
        return self.snn(inputs_of(self._signature, args, kwargs, name=self.name))


def with_part(model: nn.Module, part: str, snn: SNN) -> nn.Module:
    """A copy of a model in which a network has the place of a submodule.

    Args:
        model: the whole; it is not changed.
        part: name of the submodule.
        snn: the network of it.
    """
    whole = copy.deepcopy(model)
    signature = inspect.signature(submodule(model, part).forward)
    parent, _, own = part.rpartition(".")
    setattr(whole.get_submodule(parent), own, SpikingPart(snn, signature, part))
    return whole.eval()


def check_part(model: nn.Module, method: Method) -> None:
    """Refuse what has no parts, and a method whose networks wait to be told their number of steps.

    Raises:
        ConversionError: a captured graph, or a streaming method.
    """
    if isinstance(model, Graph):
        raise ConversionError("part names a submodule of a model, this is a captured graph; give the model")
    if any(method.parts_for(steps).neurons.placed.kind is not Kind.EMITTING for steps in method.horizons):
        raise ConversionError(
            f"{method.name()} streams, and a model around its network would not tell it the number of steps; choose a "
            "method that emits codes such as bit-coded, or convert the submodule alone"
        )


def submodule(model: nn.Module, part: str) -> nn.Module:
    """A submodule by name.

    Raises:
        ConversionError: there is none.
    """
    known: dict[str, nn.Module] = {name: module for name, module in model.named_modules() if name}
    if part not in known:
        names = ", ".join([*known][:NAMED]) + (f" and {len(known) - NAMED} more" if len(known) > NAMED else "")
        raise ConversionError(f"the model has no submodule {part!r:.80}; it has {names or 'none'}")
    return known[part]
