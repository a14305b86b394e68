"""Equations of docstrings, which stand in lines of their own, further in than the text."""

from __future__ import annotations

from typing import Any


def show_equations(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Mark indented lines behind an empty one as literal, so that Sphinx shows them as they are."""
    for index in range(len(lines) - 1, 1, -1):
        if _begins(lines, index):
            lines[index:index] = ["::", ""]


def _begins(lines: list[str], index: int) -> bool:
    """Whether an equation begins in this line: the text before it, an empty line apart, is not indented."""
    before = [line for line in lines[:index] if line.strip()]
    indented = lines[index].startswith("    ") and not lines[index - 1].strip()
    return indented and bool(before) and not before[-1].startswith((" ", "*", "-"))
