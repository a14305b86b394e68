"""Products of whole operands: GPUs may round those of float32 to TF32, which parts codes that should agree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def whole_operands() -> Iterator[None]:
    """Convolutions and matrix products of float32 in float32, as IEEE 754 has it; the user's settings come back.

    TF32 keeps 11 significant bits. Then the sum of a code's amplitudes is no longer the amplitude of the code: in one
    layer with four bits, stepped and collapsed runs disagree about one code in a thousand.
    """
    settings: list[Any] = [torch.backends.cudnn.conv, torch.backends.cuda.matmul]  # type: ignore[attr-defined]
    before = [setting.fp32_precision for setting in settings]
    try:
        for setting in settings:
            setting.fp32_precision = "ieee"
        yield
    finally:
        for setting, precision in zip(settings, before, strict=True):
            setting.fp32_precision = precision
