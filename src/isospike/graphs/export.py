"""``torch.export`` with a dynamic batch: from any ``nn.Module`` to one functional ATen graph."""

from __future__ import annotations

import contextlib
import inspect
import io
import logging
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from isospike.errors import CaptureError
from isospike.graphs.explain import explain
from isospike.graphs.refused_kinds import check_floating


def export_program(model: nn.Module, example: Tensor) -> ExportedProgram:
    """The model as a functional graph of ATen ops, with the first axis of the input left open.

    Args:
        model: the network, in eval mode.
        example: an input batch ``[B, ...]``; the values are used by the verification only.

    Raises:
        CaptureError: the model is in train mode, takes not one tensor, lies on another device than the example, or
            cannot be exported.
    """
    _check_ready(model, example)
    batch = example if len(example) > 1 else torch.cat([example, example])
    with _quiet(), torch.no_grad():
        try:
            program = export(model, (batch,), dynamic_shapes=({0: Dim.DYNAMIC},), strict=False)
            functional: ExportedProgram = program.run_decompositions({})
            return functional
        except Exception as error:  # torch.export raises errors of many unrelated types
            raise CaptureError(explain(model, example, error)) from error


def _check_ready(model: nn.Module, example: Tensor) -> None:
    check_floating(model)
    training = [name or "the model itself" for name, module in model.named_modules() if module.training]
    if training:
        raise CaptureError(
            f"the model is in train mode ({len(training)} modules, first: {training[0]}); call model.eval() first"
        )
    _check_signature(model)
    if not example.is_floating_point():
        raise CaptureError(
            f"the input is {example.dtype}; isospike converts networks of real numbers: give floats, or of a network "
            "with an embedding the part behind it"
        )
    if example.dim() < 1 or len(example) < 1:
        raise CaptureError(f"the example input has shape {list(example.shape)}; give at least one sample [B, ...]")
    devices = {tensor.device for tensor in (*model.parameters(), *model.buffers())}
    if devices and example.device not in devices:
        raise CaptureError(
            f"the example input is on {example.device}, the model on {', '.join(map(str, devices))}; "
            "move one of them with .to(device)"
        )


def _check_signature(model: nn.Module) -> None:
    if isinstance(model, torch.jit.ScriptModule):
        raise CaptureError(
            "a TorchScript model has no Python code to capture; give the torch.nn.Module it was made from"
        )
    parameters = list(inspect.signature(model.forward).parameters.values())
    fixed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if not fixed or any(p is not fixed[0] for p in needed):
        taken = ", ".join(str(p.replace(annotation=p.empty)) for p in parameters)
        raise CaptureError(
            f"isospike captures models with one input tensor, {type(model).__name__}.forward takes ({taken}); wrap it "
            "in a module whose forward takes one"
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
