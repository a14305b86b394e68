"""Whole numbers and numbers, as users give them."""

from __future__ import annotations

from numbers import Integral
from typing import TypeGuard

MOST_STEPS = 1_000_000
"""Above it a number of steps is a slip of the keyboard: no rate code has errors that small."""


def is_whole(number: object) -> TypeGuard[int]:
    """Whether a number of steps is a whole number of any library's type."""
    return isinstance(number, Integral) and not isinstance(number, bool)


def is_number(value: object) -> bool:
    """Whether a value is a number, which a truth value is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)
