"""``torch.export`` with a dynamic batch: from any ``nn.Module`` to one functional ATen graph."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram, export

from isospike.errors import CaptureError
from isospike.messages import one_line


def export_program(model: nn.Module, example: Tensor) -> ExportedProgram:
    """The model as a functional graph of ATen ops, with the first axis of the input left open.

    Args:
        model: the network, in eval mode.
        example: an input batch ``[B, ...]``; the values are used by the verification only.

    Raises:
        CaptureError: the model is in train mode, lies on another device than the example, or cannot be exported.
    """
    _check_ready(model, example)
    batch = example if len(example) > 1 else torch.cat([example, example])
    with _quiet(), torch.no_grad():
        try:
            program = export(model, (batch,), dynamic_shapes=({0: Dim.DYNAMIC},), strict=False)
            functional: ExportedProgram = program.run_decompositions({})
            return functional
        except Exception as error:  # torch.export raises errors of many unrelated types
            raise CaptureError(_explain(model, error)) from error


def _check_ready(model: nn.Module, example: Tensor) -> None:
    training = [name or "the model itself" for name, module in model.named_modules() if module.training]
    if training:
        raise CaptureError(
            f"the model is in train mode ({len(training)} modules, first: {training[0]}); call model.eval() first"
        )
    if example.dim() < 1 or len(example) < 1:
        raise CaptureError(f"the example input has shape {list(example.shape)}; give at least one sample [B, ...]")
    devices = {tensor.device for tensor in (*model.parameters(), *model.buffers())}
    if devices and example.device not in devices:
        raise CaptureError(
            f"the example input is on {example.device}, the model on {', '.join(map(str, devices))}; "
            "move one of them with .to(device)"
        )


def _explain(model: nn.Module, error: Exception) -> str:
    return f"torch.export cannot capture {type(model).__name__}: {one_line(error)}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's warnings and logs away from the user: what matters is raised."""
    logger = logging.getLogger("torch")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
