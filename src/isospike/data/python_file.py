"""``file.py:function``: batches that the user's own code gives."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

from isospike.data.images import Split
from isospike.data.python_object import guarded, imported
from isospike.errors import DataError


def python_batches(spec: str, split: Split) -> Iterable[Any]:
    """Call the function that ``spec`` names and return its batches as they are.

    It is called with ``split`` when exactly one parameter has no default, or when all have one and
    the first is named ``split``; otherwise with nothing.

    Raises:
        DataError: the function is missing, fails, or returns nothing that can be iterated.
    """
    with imported(spec, DataError) as function:
        if not callable(function):
            raise DataError(f"'{spec}' is a {type(function).__name__}; it must be a function")
        arguments = (split,) if _takes_split(function) else ()
        batches = guarded(lambda: function(*arguments), f"'{spec}' failed", DataError)
    if not isinstance(batches, Iterable):
        raise DataError(f"'{spec}' returned {type(batches).__name__}; it must return an iterable of batches")
    return batches


def _takes_split(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some built-in callables tell no signature
        return False
    positional = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in positional if p.default is p.empty]
    return len(required) == 1 or (not required and bool(positional) and positional[0].name == "split")
