"""``file.py:function``: batches that the user's own code gives, as often as they are asked for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from isospike.data.images import Split
from isospike.data.python_object import guarded, imported
from isospike.errors import DataError
from isospike.messages import with_article


def python_batches(spec: str, split: Split) -> Iterable[Any]:
    """Call the function that ``spec`` names and return its batches as they are.

    It is called with ``split`` when exactly one parameter has no default, or when all have one and
    the first is named ``split``; otherwise with nothing. Where it gives an iterator (a generator function does), it is
    called again for every further pass.

    Raises:
        DataError: the function is missing, fails, or returns nothing that can be iterated.
    """
    with imported(spec, DataError) as function:
        if not callable(function):
            raise DataError(f"'{spec}' is {with_article(function)}; it must be a function")
        call = partial(function, split) if _takes_split(function) else function
        batches = guarded(call, f"'{spec}' failed", DataError)
    if not isinstance(batches, Iterable):
        raise DataError(f"'{spec}' returned {with_article(batches)}; it must return an iterable of batches")
    return _Passes(call, batches) if isinstance(batches, Iterator) else batches


class _Passes:
    """Batches of a function that gives iterators: the first one for the first pass, new ones for the others."""

    def __init__(self, call: Callable[[], Iterable[Any]], first: Iterator[Any]) -> None:
        self._call = call
        self._unused = [first]

    def __iter__(self) -> Iterator[Any]:
        return self._unused.pop() if self._unused else iter(self._call())


def _takes_split(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # some built-in callables tell no signature
        return False
    positional = [p for p in parameters.values() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    required = [p for p in positional if p.default is p.empty]
    return len(required) == 1 or (not required and bool(positional) and positional[0].name == "split")
