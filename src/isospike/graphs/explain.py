"""Why a model cannot be exported, in terms of the user's own code."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn
from torch.nn.modules import module as hooks
from torch.overrides import TorchFunctionMode

from isospike.graphs.origin import error_line, error_text
from isospike.inputs import Inputs, called, each, shapes
from isospike.messages import counted, one_line

_WIDTHS = (("in_channels", 1, "channel"), ("num_features", 1, "channel"), ("in_features", -1, "feature"))
"""Attribute of a layer that says how wide its input must be, the axis, and what is counted there."""

_FITTING = "give the tokenizer of this model, and no more tokens than it has positions (--length)"


def explain(model: nn.Module, example: Inputs, error: Exception) -> str:
    """One line that says what keeps ``model`` from being exported, where, and what to do about it.

    The exporter speaks of symbols; where the model fails by itself on the example, its own error is the better one.
    """
    key = _asked_key(model, example)
    if key is not None:
        return (
            f"{type(model).__name__}.forward asks its input for '{key}', so it takes a dict; isospike captures models "
            "with one input tensor: wrap it in a module whose forward takes one and makes the dict"
        )
    failure = own_failure(model, example)
    if failure:
        return f"the model fails on an input {shapes(example)}: {failure}"
    at = _at(error)
    if "quantize_per_" in str(error):
        return (
            f"{type(model).__name__}.forward quantises values itself{at}; leave that out and convert the network of "
            "floats: isospike quantises by itself"
        )
    what = f"torch.export cannot capture {type(model).__name__}"
    if "data-dependent" in str(error):
        return (
            f"{what}: it branches on values of its input{at}{_quoted(error)}; replace the branch, e.g. by torch.where, "
            f"convert a submodule without it{_part(model)}, or wrap the model in an adapter, a module whose forward "
            "calls what comes before or behind the branch"
        )
    if "specialized it to be a constant" in str(error):
        return (
            f"{what}: its code fixes the size of the batch; flatten with x.flatten(1), or take the "
            "size from x.size(0) or x.shape[0] instead of len(x), int(...), a loop or a number"
        )
    return f"{what}: {one_line(error).rstrip('.')}{at}"


def _other_formats(model: nn.Module, example: Inputs) -> str:
    """The number formats of a model and of its input, where these differ; else empty."""
    own = {str(p.dtype) for p in model.parameters() if p.is_floating_point()}
    given = {str(x.dtype) for x in each(example).values() if x.is_floating_point()}
    if not own or not given or given <= own:
        return ""
    return f"it is {', '.join(sorted(own))}, the input {', '.join(sorted(given))}; convert one with .to()"


class _Asked(Exception):
    """A tensor was asked for a key, as if it were a dict."""


class _NoKeys(TorchFunctionMode):
    """Torch takes the letters of a key for numbers, and says something else about each."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.__getitem__ and isinstance(args[1], str):
            raise _Asked(args[1])
        return func(*args, **(kwargs or {}))


def _asked_key(model: nn.Module, example: Inputs) -> str | None:
    """The key that the model asks its input for, where it takes a dict."""
    try:
        with _NoKeys():
            called(model, example)
    except _Asked as asked:
        return str(asked)
    except Exception:  # the model's code is the user's; `own_failure` says what it raises
        return None
    return None


def _part(model: nn.Module) -> str:
    """Where a detector has the part that converts."""
    return " such as model.backbone" if isinstance(getattr(model, "backbone", None), nn.Module) else ""


def _quoted(error: Exception) -> str:
    """The user's line."""
    text = error_text(error)
    return f", '{text:.80}'" if text else ""


def _at(error: Exception) -> str:
    line = error_line(error)
    return f" at {line}" if line else ""


def own_failure(model: nn.Module, example: Inputs) -> str:
    """What the model itself raises on the example, in which layer, and what to do; empty where it does not."""
    running: list[tuple[nn.Module, Any]] = [(model, example)]
    try:
        with _watched(running):
            called(model, example)
    except Exception as error:  # the model's code is the user's
        formats = _other_formats(model, example)
        if formats:
            return formats
        layer, given = running[-1]
        name = next((name for name, module in model.named_modules() if module is layer), "")
        what = f"layer '{name}' ({type(layer).__name__})" if name else "it"
        wrong = _mismatch(layer, given)
        raised = f"takes {wrong}" if wrong else f"raises {one_line(error).rstrip('.')}{_at(error)}"
        return f"{what} {raised}; {_advice(example)}"
    return ""


def _advice(example: Inputs) -> str:
    """What may be wrong with an example on which the model fails."""
    has_tokens = any(not tensor.is_floating_point() for tensor in each(example).values())
    return _FITTING if has_tokens else "check channels, size and type"


@contextlib.contextmanager
def _watched(running: list[tuple[nn.Module, Any]]) -> Iterator[None]:
    """Keep the modules that are being called, each with its first input, in ``running``."""

    def enter(module: nn.Module, arguments: tuple[Any, ...]) -> None:
        running.append((module, next(iter(arguments), None)))

    def leave(*_: Any) -> None:
        running.pop()

    handles = (hooks.register_module_forward_pre_hook(enter), hooks.register_module_forward_hook(leave))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _mismatch(layer: nn.Module, given: Any) -> str:
    """What the layer takes and what it was given, where that differs in kind or width; else empty."""
    if isinstance(layer, nn.Embedding) and isinstance(given, Tensor) and given.is_floating_point():
        return "whole numbers; give tokens as int64, to a command by --data"
    if isinstance(layer, nn.Embedding) and isinstance(given, Tensor) and given.numel():
        smallest, largest = int(given.min()), int(given.max())
        if smallest < 0 or largest >= layer.num_embeddings:
            return f"tokens from 0 to {layer.num_embeddings - 1}, but was given {smallest} to {largest}"
    if not isinstance(given, Tensor) or given.dim() < 2:
        return ""
    for attribute, axis, unit in _WIDTHS:
        expected = getattr(layer, attribute, None)
        if isinstance(expected, int) and given.shape[axis] != expected:
            return f"{counted(expected, unit)}, but was given {given.shape[axis]}: {list(given.shape)}"
    return ""
