"""Help texts whose names can be copied."""

from __future__ import annotations

import re
from collections.abc import Iterable

import click

HYPHEN = "\u2011"
"""Of Unicode, at which no line is broken."""


class HelpFormatter(click.HelpFormatter):
    """Breaks no line within a name such as ``bit-coded-8``."""

    def write_text(self, text: str) -> None:
        """A paragraph."""
        super().write_text(_whole(text))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Names, and what they are."""
        super().write_dl([(name, _whole(text)) for name, text in rows], col_max, col_spacing)

    def write(self, string: str) -> None:
        """Text whose lines are broken already."""
        super().write(string.replace(HYPHEN, "-"))


def _whole(text: str) -> str:
    return re.sub(r"(?<=\w)-(?=\w)", HYPHEN, text)
