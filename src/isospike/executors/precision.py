"""Products of whole operands: GPUs may round those of float32 to TF32, which parts codes that should agree."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def whole_operands() -> Iterator[None]:
    """Convolutions and matrix products of float32 in float32, as IEEE 754 has it; the user's settings come back.

    The settings are those of the process: where several threads are inside, the first one to enter changes them and
    the last one to leave puts them back.

    TF32 keeps 11 significant bits. Then the sum of a code's amplitudes is no longer the amplitude of the code: in one
    layer with four bits, stepped and collapsed runs disagree about one code in a thousand.
    """
    _inside.enter()
    try:
        yield
    finally:
        _inside.leave()


class _Inside:
    """How many are inside, and the settings from before the first."""

    def __init__(self) -> None:
        self.lock, self.count = threading.Lock(), 0
        self.before: list[str] = []

    def enter(self) -> None:
        with self.lock:
            if self.count == 0:
                self.before = [setting.fp32_precision for setting in _settings()]
                for setting in _settings():
                    setting.fp32_precision = "ieee"
            self.count += 1

    def leave(self) -> None:
        with self.lock:
            self.count -= 1
            if self.count == 0:
                for setting, precision in zip(_settings(), self.before, strict=True):
                    setting.fp32_precision = precision


def _settings() -> list[Any]:
    return [torch.backends.cudnn.conv, torch.backends.cuda.matmul]  # type: ignore[attr-defined]


_inside = _Inside()
