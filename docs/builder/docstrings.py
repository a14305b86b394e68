"""Docstrings as Sphinx reads them: sections in Google's form, equations in lines of their own."""

from __future__ import annotations

from typing import Any

from sphinx.ext.napoleon import Config, GoogleDocstring

ATTRIBUTES = ("attribute", "data", "property")


def read_docstring(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Turn the lines of a docstring into reStructuredText.

    An attribute is read like a method: else what stands before the first colon of its text is taken for a type.
    """
    show_equations(lines)
    kind = "method" if what in ATTRIBUTES else what
    lines[:] = GoogleDocstring(lines, Config(), app, kind, name, obj, options).lines()


def show_equations(lines: list[str]) -> None:
    """Mark indented lines behind an empty one as literal, so that Sphinx shows them as they are."""
    for index in range(len(lines) - 1, 1, -1):
        if _begins(lines, index):
            lines[index:index] = ["::", ""]


def _begins(lines: list[str], index: int) -> bool:
    """Whether an equation begins in this line: the text before it, an empty line apart, is not indented."""
    before = [line for line in lines[:index] if line.strip()]
    indented = lines[index].startswith("    ") and not lines[index - 1].strip()
    return indented and bool(before) and not before[-1].startswith((" ", "*", "-"))


def read_signature(
    app: Any, what: str, name: str, obj: Any, options: Any, arguments: str | None, returned: str | None
) -> tuple[str | None, str | None]:
    """A default that a factory makes is no Python; as ``...`` the signature can be read, and so be set in lines."""
    return arguments and arguments.replace("<factory>", "..."), returned
