"""The tutorials run as they stand: their Python in one namespace a page, then their commands, in an empty folder.

What a block prints stands below it. Numbers may differ, since other processors add in another order; everything else is
compared. ``ISOSPIKE_UPDATE_GOLDEN=1 pytest tests/test_tutorials.py`` writes it anew; read the difference.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import sys
import types
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from isospike.cli.main import run
from isospike.methods import methods

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "tutorials"
PAGES = sorted(FOLDER.glob("*.md"))
PYTHON = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<printed>.*?)^```\n)?", re.DOTALL | re.MULTILINE)
CONSOLE = re.compile(r"^\$ isospike (.*)$", re.MULTILINE)


def words(text: str) -> set[str]:
    """What does not depend on the machine: the words, without numbers and the order of rows."""
    return set(re.sub(r"[-+]?\d[\d.,]*(e[-+]?\d+)?", "0", text).split())


def printed_by(code: str, names: dict[str, object]) -> str:
    """What code prints."""
    with redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, "tutorial", "exec"), names)
    return printed.getvalue()


def renewed(text: str, names: dict[str, object]) -> str:
    """A page with what its blocks print now."""

    def one(match: re.Match[str]) -> str:
        printed = printed_by(match["code"], names)
        shown = f"\n```text\n{printed.rstrip()}\n```\n" if printed else ""
        return f"```python\n{match['code']}```\n{shown}"

    return PYTHON.sub(one, text)


@pytest.fixture
def names(monkeypatch, request):
    """The namespace of a page, a module, since dataclasses look theirs up; what a page registers is forgotten."""
    module = types.ModuleType("tutorial")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(methods, "_entries", dict(methods._entries))
    return vars(module)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_runs(page, names, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    if os.environ.get("ISOSPIKE_UPDATE_GOLDEN") == "1":
        page.write_text(renewed(text, names), encoding="utf-8")
        return
    assert "    assert " in text or "\nassert " in text, "a tutorial that asserts nothing cannot fail"
    for block in PYTHON.finditer(text):
        code = "\n" * text[: block.start("code")].count("\n") + block["code"]  # a traceback has the line of the page
        assert words(printed_by(code, names)) == words(block["printed"] or "")
    for arguments in CONSOLE.findall(text):
        assert run(shlex.split(arguments)) == 0, arguments


def test_there_are_tutorials():
    assert len(PAGES) >= 6
