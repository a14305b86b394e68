"""Pieces of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def page(title: str, *parts: str) -> str:
    """A page with its heading; parts that are empty are left out."""
    return "\n\n".join([f"# {title}", *filter(None, parts)]) + "\n"


def table(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table, or nothing where there is no row."""
    lines = [[*map(cell, row)] for row in rows]
    if not lines:
        return ""
    return "\n".join(f"| {' | '.join(line)} |" for line in [list(heading), ["---"] * len(heading), *lines])


def cell(value: object) -> str:
    """A value in one line of a table."""
    return " ".join(str(value).split()).replace("|", "\\|")


def code(value: object) -> str:
    """A value as code, in a table too; nothing stays nothing."""
    return f"`{value}`" if str(value) else ""


def prose(text: str) -> str:
    """Text of a docstring, in which code stands between two backticks, as Markdown."""
    return text.replace("``", "`")


def block(text: str, language: str = "") -> str:
    """Lines of code."""
    return f"```{language}\n{text.rstrip()}\n```"


def autodoc(kind: str, name: str, **options: str) -> str:
    """What Sphinx finds in the docstrings of a name."""
    lines = [f".. auto{kind}:: {name}", *(f"   :{key.replace('_', '-')}: {value}" for key, value in options.items())]
    return block("\n".join(lines), "{eval-rst}")


def contents(names: Iterable[str], depth: int = 1) -> str:
    """The pages below this one, for the navigation alone."""
    return "\n".join(["```{toctree}", ":hidden:", f":maxdepth: {depth}", "", *names, "```"])
