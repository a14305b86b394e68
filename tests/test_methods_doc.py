"""docs/methods.md speaks of every method, with its papers."""

from __future__ import annotations

from pathlib import Path

import pytest

from isospike.methods import methods

DOC = Path(__file__).resolve().parents[1] / "docs" / "methods.md"


def rows() -> dict[str, str]:
    """The row of every method, by name."""
    lines = [line for line in DOC.read_text().splitlines() if line.startswith("| `")]
    return {line.split("`")[1]: line for line in lines}


def test_exactly_the_registered_methods_have_a_row():
    assert sorted(rows()) == sorted(methods)


@pytest.mark.parametrize("name", list(methods))
def test_a_row_names_the_papers_of_the_method(name):
    assert [key for key in methods[name].papers if f"`{key}`" not in rows()[name]] == []
