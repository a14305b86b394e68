"""Progress: a line where someone watches and only after a while, silence elsewhere, and how to go on."""

from __future__ import annotations

import io
import sys

import pytest

from isospike import progress
from isospike.progress import going_on, reporting, told, watched


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def work(given, clock, seconds: float) -> None:
    with reporting(given) as report:
        for _ in told(range(4), report, "working", of=range(4)):
            clock[0] += seconds


@pytest.mark.parametrize(
    ("stream", "given", "seconds", "shows"),
    [
        (Terminal, True, 1.0, True),
        (Terminal, True, 0.3, False),  # over in less than two seconds
        (Terminal, False, 1.0, False),
        (io.StringIO, True, 1.0, False),  # a log
    ],
)
def test_who_sees_a_line(stream, given, seconds, shows, clock, monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream())
    work(given, clock, seconds)
    text = sys.stderr.getvalue()
    assert ("working: 3 of 4, about 1 s left" in text) == shows
    assert bool(text) == shows
    assert all(len(line) <= progress.WIDTH for line in text.split("\r"))
    if shows:
        assert text.endswith(" \r")  # the line is gone at the end


def test_a_notebook_is_watched(monkeypatch):
    class ZMQInteractiveShell:
        pass

    notebook = type("IPython", (), {"get_ipython": staticmethod(ZMQInteractiveShell)})
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert not watched()
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    assert watched()


def test_a_function_is_told_what_is_done(clock):
    seen = []
    work(lambda *what: seen.append(what), clock, 0.0)
    assert seen == [("working", done, 4) for done in (1, 2, 3, 4)]


def test_an_interrupt_says_how_to_go_on():
    with pytest.raises(KeyboardInterrupt) as caught, going_on("the same call goes on"):
        raise KeyboardInterrupt
    assert caught.value.__notes__ == ["the same call goes on"]
