"""The wording of messages: articles, counts, and the first line of another library's error."""

from __future__ import annotations


def with_article(value: object) -> str:
    """The type of a value as a message names it: ``an int``, ``a str``."""
    name = type(value).__name__
    return f"{'an' if name.lower().startswith(('a', 'e', 'i', 'o', 'u', 'nd')) else 'a'} {name}"


def counted(number: int, noun: str) -> str:
    """``1 analogue op``, ``2 analogue ops``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def first_line(error: BaseException) -> str:
    """The first line of an error's text that is not empty, cut at 300 letters; its type where there is none."""
    lines = [line.strip() for line in str(error).splitlines()]
    return next(filter(None, lines), type(error).__name__)[:300]


def one_line(error: BaseException) -> str:
    """Type and first line of an error, ``ValueError: no such image``; of a data loader's worker, the original one."""
    if "Original Traceback" in str(error):
        return str(error).strip().splitlines()[-1][:300]
    name, line = type(error).__name__, first_line(error)
    return name if line == name else f"{name}: {line}"
