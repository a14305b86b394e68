"""``torch.export`` with a dynamic batch: from any ``nn.Module`` to one functional ATen graph."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export
from torch.utils import _pytree as pytree

from isospike.data.parts import TARGET_KEYS
from isospike.errors import CaptureError
from isospike.graphs.explain import explain
from isospike.graphs.graph import Graph
from isospike.graphs.op import Numbers
from isospike.graphs.refused_kinds import check_floating
from isospike.graphs.wrappers import unwrapped
from isospike.inputs import Inputs, concatenated, each

WHOLE: dict[torch.dtype, Numbers] = {torch.int64: "int64", torch.int32: "int32", torch.bool: "bool"}
"""Formats of tokens and masks."""


def export_program(model: nn.Module, example: Inputs) -> ExportedProgram:
    """The model as a functional graph of ATen ops, with the first axis of its inputs left open.

    Args:
        model: the network, in eval mode.
        example: an input batch ``[B, ...]``, or several by name; the values are used by the verification only.

    Raises:
        CaptureError: the model is in train mode, takes other inputs, lies on another device than the example, or
            cannot be exported.
    """
    _check_ready(model, example)
    batch = example if len(example) > 1 else concatenated([example, example])
    args, kwargs = ((batch,), {}) if isinstance(batch, Tensor) else ((), batch.tensors)
    open_axes: Any = ({0: Dim.DYNAMIC},) if args else {name: {0: Dim.DYNAMIC} for name in kwargs}
    with _quiet(), torch.no_grad():
        try:
            program = export(model, args, kwargs, dynamic_shapes=open_axes, strict=False)
            functional: ExportedProgram = program.run_decompositions({})
            return functional
        except Exception as error:  # torch.export raises errors of many unrelated types
            raise CaptureError(explain(model, example, error)) from error


def _check_ready(model: nn.Module, example: Inputs) -> None:
    check_floating(model)
    check_at_rest(model)
    _check_signature(model, example)
    for name, tensor in each(example).items():
        _check_input(model, f"input {name}".strip(), tensor)


def check_at_rest(model: nn.Module) -> None:
    """Refuse a model in train mode.

    Raises:
        CaptureError: it is, or a part of it.
    """
    training = [name or "the model itself" for name, module in model.named_modules() if module.training]
    if training:
        raise CaptureError(
            f"the model is in train mode ({len(training)} modules, first: {training[0]}); call model.eval() first"
        )


def names_taken(model: nn.Module) -> tuple[str, ...]:
    """The names of the inputs that a model takes, as far as they are known; targets that it can do without are none."""
    if isinstance(model, Graph):
        return model.input_names
    try:
        parameters = inspect.signature(unwrapped(model).forward).parameters.values()
    except (TypeError, ValueError, AttributeError):  # a model that is none is refused where it is captured
        return ()
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    return tuple(p.name for p in named if p.default is p.empty or p.name not in TARGET_KEYS)


def input_names(program: ExportedProgram) -> dict[str, str]:
    """The names under which the model takes its inputs, by those of their nodes; none of one tensor alone."""
    spec = program.call_spec.in_spec
    assert spec is not None
    _, named = pytree.tree_unflatten(list(program.graph_signature.user_inputs), spec)
    return {node: name for name, node in named.items()}


def _check_input(model: nn.Module, what: str, tensor: Tensor) -> None:
    if not tensor.is_floating_point() and tensor.dtype not in WHOLE:
        raise CaptureError(
            f"the {what} is {tensor.dtype}; isospike converts networks of real numbers, given as floats, and of tokens "
            "and masks, given as int64, int32 or bool"
        )
    if tensor.dim() < 1 or len(tensor) < 1:
        raise CaptureError(f"the example {what} has shape {list(tensor.shape)}; give at least one sample [B, ...]")
    devices = {tensor.device for tensor in (*model.parameters(), *model.buffers())}
    if devices and tensor.device not in devices:
        raise CaptureError(
            f"the example {what} is on {tensor.device}, the model on {', '.join(map(str, devices))}; "
            "move one of them with .to(device)"
        )


def _check_signature(model: nn.Module, example: Inputs) -> None:
    if isinstance(model, torch.jit.ScriptModule):
        raise CaptureError(
            "a TorchScript model has no Python code to capture; give the torch.nn.Module it was made from"
        )
    parameters = list(inspect.signature(model.forward).parameters.values())
    fixed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p for p in parameters if p.default is p.empty and p.kind not in variable]
    taken = ", ".join(str(p.replace(annotation=p.empty)) for p in parameters)
    if not isinstance(example, Tensor):
        names = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
        open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
        unknown = [] if open_ended else [name for name in example.tensors if name not in names]
        missing = [p.name for p in needed if p.name not in example.tensors]
        if unknown or missing:
            raise CaptureError(
                f"{type(model).__name__}.forward takes ({taken}), the example names {', '.join(example.tensors)}; "
                "give a mapping of its own names, or wrap it in a module whose forward takes these"
            )
    elif not fixed or any(p is not fixed[0] for p in needed):
        raise CaptureError(
            f"isospike captures models with one input tensor, {type(model).__name__}.forward takes ({taken}); wrap it "
            "in a module whose forward takes one, or give a mapping of its inputs by name"
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's warnings, logs and printed graphs away from the user: what matters is raised."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
