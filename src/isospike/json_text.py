"""One reader of JSON that comes from files: whatever the text is, a plain value or one line of error."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from isospike.errors import DataError

LARGEST = 2**24
"""Bytes, or letters, of a text; a comparison or the header of a large network has a tenth of it."""
DEEPEST = 64
"""Lists and objects within each other; what isospike writes has a dozen."""
LARGEST_NUMBER = 2**64
"""Whole numbers stay below it, so that each can become a float."""

_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
"""One string, or the rest of the text where it does not end; it never goes back, so its time is linear."""
_BRACKET = re.compile(r"[\[\]{}]")


class JsonError(ValueError):
    """A text is no JSON of the kind that isospike writes; the message is one line that starts with what is wrong."""


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text: null, a truth value, a number, a text, a list or an object.

    The text is hostile until it is read: its size and depth are checked before anything is built. Refused as well are
    NaN and infinity, numbers beyond 64 bits, two equal keys in an object, and halves of surrogate pairs, which no file
    or terminal can hold.

    Args:
        text: the text, or its bytes in UTF-8.

    Raises:
        JsonError: it is no such text; one line.
    """
    if len(text) > LARGEST:
        raise JsonError(f"the text has more than {LARGEST >> 20} MB")
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        _check_depth(decoded)
        value = json.loads(
            decoded, object_pairs_hook=_object, parse_int=_whole, parse_float=_finite, parse_constant=_finite
        )
        if "\\u" in decoded:
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise JsonError("the bytes are no UTF-8 text") from error
    except UnicodeEncodeError as error:
        raise JsonError("a text holds half of a surrogate pair") from error
    except json.JSONDecodeError as error:
        raise JsonError(str(error)) from error
    return value


def read_json(path: str | Path) -> Any:
    """What a JSON file holds.

    Raises:
        DataError: there is no such file, or it is no JSON.
    """
    try:
        with Path(path).open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:  # a path may hold a zero byte
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error
    try:
        return parse_json(content)
    except JsonError as error:
        raise DataError(f"{path} is no JSON: {error}") from error


def _check_depth(text: str) -> None:
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > DEEPEST:
            raise JsonError(f"more than {DEEPEST} lists and objects lie within each other")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in found if names.count(name) > 1)
        raise JsonError(f"the key {twice!r:.40} stands twice in one object")
    return found


def _whole(text: str) -> int:
    if len(text) > len(str(LARGEST_NUMBER)) + 1 or abs(int(text)) >= LARGEST_NUMBER:
        raise JsonError(f"{text:.20}... is a number of more than 64 bits")
    return int(text)


def _finite(text: str) -> float:
    if not math.isfinite(float(text)):
        raise JsonError(f"{text:.20} is no number")
    return float(text)
