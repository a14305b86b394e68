"""How often every quantised activation puts out each of its codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from isospike.calibrate.batches import Batch, Batches
from isospike.errors import CalibrationError
from isospike.neurons import LearnedActivation
from isospike.precision import own_precision

TOLERANCE = 1 / 8
"""Distance of an output from its level, in units; bfloat16 rounds code 16 by up to 2^-4."""


@torch.inference_mode()
@own_precision()
def count_codes(model: nn.Module, data: Iterable[Batch]) -> dict[str, Tensor]:
    """Histograms of the codes ``k = round(a levels / bound)`` of every quantised activation, in one stream.

    Codes are rounded, not truncated: ``a levels / bound`` may lie just below its integer. Calls of one module count
    together. Memory is O(levels) per module.

    Args:
        model: a network in eval mode whose quantised activations have ``bound`` and ``levels``.
        data: batches as for `isospike.convert`; 3000 training images in the paper.

    Returns:
        int64 ``[levels + 1]`` per module path, on the CPU.

    Raises:
        CalibrationError: the model is in training mode or has no quantised activation, a bound is not above zero, or
            an activation has no levels or puts out values that are not on its levels (named).
    """
    if model.training:
        raise CalibrationError("the model is in training mode; call model.eval() before its codes are counted")
    sites = {name: module for name, module in model.named_modules() if isinstance(module, LearnedActivation)}
    if not sites:
        raise CalibrationError("the model has no quantised activation; train one with a bound and levels first")
    counts = {name: _no_counts(name, module) for name, module in sites.items()}
    hooks = [model.get_submodule(name).register_forward_hook(_counter(name, counts[name])) for name in sites]
    try:
        for inputs in Batches(data):
            model(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    return counts


def _no_counts(name: str, module: LearnedActivation) -> Tensor:
    if module.levels is None:
        raise CalibrationError(f"'{name}' has no levels, so no codes; count those of QCFS or QReLU activations")
    return torch.zeros(module.levels + 1, dtype=torch.long)


def _counter(name: str, counts: Tensor) -> Callable[[Any, Any, Tensor], None]:
    levels = len(counts) - 1

    def count(module: LearnedActivation, _: Any, a: Tensor) -> None:
        if not bool((module.bound > 0).all()):
            raise CalibrationError(f"the bound of '{name}' is not above zero; train it again or import its magnitude")
        steps = a * (levels / module.bound)
        codes = steps.round()
        on_level = (steps - codes).abs() <= TOLERANCE
        if not bool((on_level & (codes >= 0) & (codes <= levels)).all()):
            raise CalibrationError(
                f"'{name}' puts out values that are not on its {levels} levels up to its bound; "
                "count the codes of QCFS or QReLU activations, on finite inputs"
            )
        counts.add_(torch.bincount(codes.flatten().long(), minlength=levels + 1).cpu())

    return count
