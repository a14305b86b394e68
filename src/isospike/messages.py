"""The wording of messages: articles, counts, warnings, and the first line of another library's error."""

from __future__ import annotations

import contextlib
import sys
import warnings
from pathlib import Path

import torch

from isospike.errors import IsospikeWarning

INSIDE = (str(Path(__file__).parent), str(Path(torch.__file__).parent), contextlib.__file__)
"""Files of this package, and of those whose decorators stand between it and its caller."""


def with_article(value: object) -> str:
    """The type of a value as a message names it: ``an int``, ``a str``."""
    name = type(value).__name__
    return f"{'an' if name.lower().startswith(('a', 'e', 'i', 'o', 'u', 'nd')) else 'a'} {name}"


def counted(number: int, noun: str) -> str:
    """``1 analogue op``, ``2 analogue ops``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def first_line(error: BaseException) -> str:
    """The first line of an error's text that is not empty, cut at 300 letters; its type where there is none."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next(filter(None, lines), type(error).__name__)[:300]


def one_line(error: BaseException) -> str:
    """Type and first line of an error, ``ValueError: no such image``; of a data loader's worker, the original one."""
    if "Original Traceback" in str(error):
        return str(error).strip().splitlines()[-1][:300]
    name, line = type(error).__name__, first_line(error)
    return name if line == name else f"{name}: {line}"


def warn(message: str) -> None:
    """Warn, and point at the line outside this package that called it."""
    level, frame = 1, sys._getframe(0)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(INSIDE):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, IsospikeWarning, stacklevel=level)
