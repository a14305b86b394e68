"""Progress of long calls: shown by default where someone watches, told to a function of the caller's, or silent."""

from __future__ import annotations

import operator
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from isospike.errors import OptionError
from isospike.messages import with_article

Report = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is (0: not known)."""
Progress = Report | bool
"""A function that is told; ``True``: a line where the error stream is a terminal or a notebook; ``False``: nothing."""

AFTER = 2.0
"""Seconds before a line is shown: what is over sooner says nothing."""
BETWEEN = 0.1
"""Seconds between two lines."""
WIDTH = 78
"""Letters of a line."""

T = TypeVar("T")


@contextmanager
def reporting(progress: Progress) -> Iterator[Report]:
    """What a long call tells its progress to; a line that was shown is gone at the end.

    Raises:
        OptionError: it is neither a function nor ``True`` or ``False``.
    """
    if not callable(progress) and not isinstance(progress, bool):
        raise OptionError(f"progress is {with_article(progress)}; give True, False or a function(what, done, total)")
    if callable(progress):
        yield progress
        return
    line = Line() if progress and watched() else None
    try:
        yield _silence if line is None else line
    finally:
        if line is not None:
            line.clear()


def told(batches: Iterable[T], report: Report, what: str, *, of: object) -> Iterator[T]:
    """The batches; each is reported when the next one is asked for, hence when it is done.

    Args:
        batches: what is gone through.
        report: what is told.
        what: what is being done.
        of: the data that they are from, which may know how many there are.
    """
    total = length(of)
    for done, batch in enumerate(batches, 1):
        yield batch
        report(what, done, total)


def length(data: object) -> int:
    """How many batches there are; 0 where the data do not know."""
    return operator.length_hint(data, 0)


def watched() -> bool:
    """Whether someone sees the error stream as it is written: a terminal, or a notebook."""
    shell: Any = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return sys.stderr.isatty() or type(shell).__name__ == "ZMQInteractiveShell"


class Line:
    """One line on the error stream that is written anew."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._next = self._started + AFTER
        self._what, self._since, self._first = "", self._started, 0
        self._shown = False

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show how far it is, at most every `BETWEEN` seconds."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._since, self._first = what, now, done
        if now < self._next:
            return
        self._next, self._shown = now + BETWEEN, True
        sys.stderr.write(f"\r{self._text(done, total, now):{WIDTH}.{WIDTH}}")
        sys.stderr.flush()

    def _text(self, done: int, total: int, now: float) -> str:
        if not total:
            return f"{self._what}: {done}"
        rate = (done - self._first) / max(now - self._since, 1e-9)
        left = f", about {(total - done) / rate:.0f} s left" if rate > 0 else ""
        return f"{self._what}: {done} of {total}{left}"

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            sys.stderr.write(f"\r{'':{WIDTH}}\r")
            sys.stderr.flush()


def _silence(what: str, done: int, total: int) -> None:
    """Nobody watches."""


@contextmanager
def going_on(how: str) -> Iterator[None]:
    """Tell whoever interrupts the work how to go on: the interrupt carries it as a note, which a traceback shows."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(how)
        raise
