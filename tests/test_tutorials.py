"""The tutorials run as they stand: their Python in one namespace a page, then their commands, in an empty folder."""

from __future__ import annotations

import re
import shlex
import sys
import types
from pathlib import Path

import pytest

from isospike.cli.main import run
from isospike.methods import methods

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "tutorials"
PAGES = sorted(FOLDER.glob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    """The code of a page, with empty lines before it, so that a traceback names the line of the page."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return ["\n" * text[: match.start(1)].count("\n") + match.group(1) for match in found]


def commands(page: Path) -> list[list[str]]:
    """The arguments of every ``$ isospike ...`` of a page."""
    lines = "".join(blocks(page, "console")).splitlines()
    return [shlex.split(line.removeprefix("$ isospike ")) for line in lines if line.startswith("$ isospike ")]


@pytest.fixture
def restored_methods(monkeypatch):
    """What a page registers is forgotten."""
    monkeypatch.setattr(methods, "_entries", dict(methods._entries))


@pytest.mark.usefixtures("restored_methods")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType(f"tutorial_{page.stem.replace('-', '_')}")  # dataclasses look their module up by name
    monkeypatch.setitem(sys.modules, module.__name__, module)
    python = blocks(page, "python")
    assert any("assert" in block for block in python)
    for block in python:
        exec(compile(block, page, "exec"), vars(module))
    for arguments in commands(page):
        assert run(arguments) == 0, arguments


def test_there_are_tutorials():
    assert len(PAGES) >= 6
