"""The pages that are made of the code speak of everything that there is.

``make docs`` builds them, with warnings as errors: links that lead nowhere, names in docstrings that do not exist.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import pytest

import isospike as iso
from isospike.activations import activations
from isospike.cli.main import COMMANDS
from isospike.methods import methods
from isospike.tables import Tabular
from isospike.targets.artefact.format import Header

DOCS = Path(__file__).resolve().parents[1] / "docs"


@pytest.fixture(scope="module")
def builder():
    """The modules that make the pages."""
    sys.path.insert(0, str(DOCS))
    import builder
    from builder import api, commands, file_format, found, methods, parts, results  # noqa: F401

    yield builder
    sys.path.remove(str(DOCS))


def headings(text: str) -> list[str]:
    """The headings of the second level."""
    return re.findall(r"^## (.*)$", text, re.MULTILINE)


def test_every_method_has_a_page_with_all_its_options(builder):
    pages = builder.methods.pages()
    assert sorted(pages) == sorted(["methods/index.md", *(f"methods/{name}.md" for name in methods)])
    for name, kind in methods.items():
        assert f"({name}.md)" in pages["methods/index.md"]
        for option in kind().options():
            assert f"| `--{option.replace('_', '-')}` |" in pages[f"methods/{name}.md"]
        for paper in kind().used_papers():
            assert paper in pages[f"methods/{name}.md"]


def test_every_command_has_a_page_with_all_its_options(builder):
    pages = builder.commands.pages()
    assert sorted(pages) == sorted(["commands/index.md", *(f"commands/{name}.md" for name in COMMANDS)])
    assert "`--steps WHOLE NUMBERS`" in pages["commands/evaluate.md"]
    assert all(f"(../methods/{name}.md#options)" in pages["commands/convert.md"] for name in methods)
    assert headings(pages["commands/train.md"])[1:] == list(activations)


def test_every_registered_name_is_a_heading(builder):
    pages = builder.parts.pages()
    registries = [one for one in builder.found.registries() if one.kind != "method"]
    assert {"neuron", "scale rule", "exit rule", "energy model", "executor"} <= {one.kind for one in registries}
    for registry in registries:
        assert headings(pages[f"parts/{builder.parts.file_of(registry.kind)}.md"]) == list(registry)


def test_every_public_name_is_in_the_reference(builder):
    pages = builder.api.pages()
    objects = [name for name in iso.__all__ if not inspect.ismodule(getattr(iso, name))]
    assert all(f"### {name}\n" in pages["api/isospike.md"] for name in objects)
    modules = [name for name in iso.__all__ if inspect.ismodule(getattr(iso, name))]
    assert all(f"api/isospike.{name}.md" in pages for name in modules)


def test_every_result_is_described(builder):
    kinds = builder.found.results()
    ours = [kind for kind in Tabular.__subclasses__() if kind.__module__.startswith("isospike.")]
    assert set(ours) <= set(kinds)
    made = builder.results.examples()
    assert set(made) <= set(kinds)
    assert len(made) == len(builder.examples.CALLS)  # every call shows another result


def test_every_field_of_a_header_is_in_the_file_format(builder):
    (text,) = builder.file_format.pages().values()
    assert all(f"| `{name}` |" in text for name in Header.__struct_fields__)
