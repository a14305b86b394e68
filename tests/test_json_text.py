"""Whatever the text is, `parse_json` gives what json gives, or raises one line."""

from __future__ import annotations

import json
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isospike.json_text import DEEPEST, LARGEST, LARGEST_NUMBER, JsonError, parse_json

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(1 - LARGEST_NUMBER, LARGEST_NUMBER - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@given(VALUES, st.booleans())
@settings(max_examples=100)
def test_what_json_writes_is_read(value, plain):
    text = json.dumps(value, ensure_ascii=plain)
    assert parse_json(text) == value
    assert parse_json(text.encode()) == value


@given(st.text(alphabet='{}[]",:\\u1eE.-d8N anI') | st.binary(max_size=40))
@settings(max_examples=300)
def test_any_other_text_is_one_line(text):
    lines = 1
    try:
        parse_json(text)
    except JsonError as error:
        lines = len(str(error).splitlines())
    assert lines == 1


def test_depth_is_limited_before_anything_is_built():
    assert parse_json(nested(DEEPEST))
    assert parse_json(json.dumps(["[{" * 1000, '\\"[' * 100])) == ["[{" * 1000, '\\"[' * 100]
    with pytest.raises(JsonError, match=f"more than {DEEPEST} lists and objects lie within each other"):
        parse_json(nested(DEEPEST + 1))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(2**30)  # json itself would exhaust the stack of the processor
    try:
        with pytest.raises(JsonError, match="within each other"):
            parse_json('{"a":' * 1_000_000)
    finally:
        sys.setrecursionlimit(limit)


REFUSED = {
    "": "Expecting value",
    "{": "Expecting property name",
    "[1] 2": "Extra data",
    '{"a": 1, "b": {"a": 1, "c": 2, "c": 2}}': "the key 'c' stands twice in one object",
    "[NaN]": "NaN is no number",
    "-Infinity": "-Infinity is no number",
    "1e999": "1e999 is no number",
    str(LARGEST_NUMBER): "18446744073709551616... is a number of more than 64 bits",
    f"[-1{'0' * 5000}]": "is a number of more than 64 bits",
    '["\\ud800"]': "half of a surrogate pair",
    '{"\\udc00": 1}': "half of a surrogate pair",
}


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_refused(text):
    with pytest.raises(JsonError, match=REFUSED[text].replace("...", r"\.\.\.")):
        parse_json(text)


def test_refused_bytes():
    with pytest.raises(JsonError, match="the bytes are no UTF-8 text"):
        parse_json(b'"\xff"')
    with pytest.raises(JsonError, match="the text has more than 16 MB"):
        parse_json(b" " * (LARGEST + 1))


def test_time_is_linear_in_the_text():
    start = time.process_time()
    for text in ('"\\' * 500_000, '\\"' * 500_000, '"' + '\\"' * 500_000):
        with pytest.raises(JsonError):
            parse_json(text)
    assert time.process_time() - start < 5  # a few hundredths of a second; a scan that goes back takes hours
