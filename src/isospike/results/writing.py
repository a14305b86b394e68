"""A value as JSON has it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import Enum
from typing import Any


def as_json(value: Any) -> Any:
    """A value of plain types: tuples as lists, keys as texts, results as their objects; what is no number as null.

    NaN and infinity are no JSON: a figure that is not known is null.
    """
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    return value.to_dict() if hasattr(value, "to_dict") else value
