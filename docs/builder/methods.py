"""A page for every conversion method."""

from __future__ import annotations

import dataclasses
import inspect
import json
from typing import Any

from click.testing import CliRunner

import isospike as iso
from builder.found import documented, registry_of
from builder.markdown import autodoc, block, code, contents, page, prose, table
from isospike.citations import entries
from isospike.cli.main import group


def pages() -> dict[str, str]:
    """The list of all methods, and each of them."""
    described = _described()
    kinds = dict(registry_of("method").items())
    return {
        "methods/index.md": _index(kinds, described),
        **{f"methods/{name}.md": _page(name, kind, described[name]) for name, kind in kinds.items()},
    }


def _described() -> dict[str, dict[str, Any]]:
    """What ``isospike methods --json`` says."""
    answer = CliRunner().invoke(group, ["methods", "--json"], catch_exceptions=False)
    found: dict[str, dict[str, Any]] = json.loads(answer.output)["methods"]
    return found


def _index(kinds: dict[str, Any], described: dict[str, dict[str, Any]]) -> str:
    rows = [
        (f"[`{name}`]({name}.md)", _kind(kinds[name]), prose(about["summary"]), about["needs"])
        for name, about in described.items()
    ]
    intro = (
        "[Conversion methods](../../methods.md) says when to take which, "
        "[which method and which T](../../choose.md) what they reached."
    )
    return page("Every method", intro, table(("method", "kind", "what it does", "needs"), rows), contents(kinds))


def _page(name: str, kind: type[iso.methods.Method], about: dict[str, Any]) -> str:
    facts = [
        ("Kind", _kind(kind)),
        ("Needs", about["needs"]),
        ("Papers", ", ".join(map(code, kind.papers)) or "none: a combination of this project"),
        *((field.title(), said) for field, said in _parts(kind)),
    ]
    line = f"$ isospike convert {name} MODEL --data DATA --out net.snn"
    call = f"snn = iso.convert(model, iso.methods.{kind.__name__}(), data=loader)"
    return page(
        name,
        block(call, "python"),
        block(line, "console"),
        autodoc("class", documented()[id(kind)], no_members=""),
        "With its defaults it is",
        table(("", ""), facts),
        "## Options",
        "On the command line and, with `_` for `-`, in Python. "
        "[`isospike convert`](../commands/convert.md) has those that all methods share.",
        _options(about["options"]),
        "## Papers" if _papers(kind) else "",
        "What `iso.cite` prints for these defaults:" if _papers(kind) else "",
        block("\n\n".join(_papers(kind)), "bibtex") if _papers(kind) else "",
    )


def _kind(kind: type[iso.methods.Method]) -> str:
    emits = isinstance(kind().parts().neurons, iso.methods.AccumulateThenEmit)
    return "accumulate-then-emit" if emits else "streaming"


def _papers(kind: type[iso.methods.Method]) -> list[str]:
    return list(entries(kind().used_papers()).values())


def _parts(kind: type[iso.methods.Method]) -> list[tuple[str, str]]:
    """The parts that the defaults combine, in words."""
    parts = kind().parts()
    found = [(field.name, _said(getattr(parts, field.name))) for field in dataclasses.fields(parts)]
    return [(name, said) for name, said in found if said]


def _said(value: object) -> str:
    """A part as code: its name and those fields that are not the defaults."""
    if isinstance(value, tuple):
        return ", ".join(map(_said, value))
    return code(_spelled(value)) if value is not None else ""


def _spelled(value: object) -> str:
    if inspect.isclass(value):
        return value.__name__
    if not dataclasses.is_dataclass(value):
        return repr(value)
    fields = [field for field in dataclasses.fields(value) if getattr(value, field.name) != field.default]
    return f"{type(value).__name__}({', '.join(f'{f.name}={_spelled(getattr(value, f.name))}' for f in fields)})"


def _options(options: list[dict[str, Any]]) -> str:
    """A table with a column for everything that is known of options."""
    known = [key for key in dict.fromkeys(key for option in options for key in option) if key not in ("name", "help")]
    rows = [
        (
            code("--" + option["name"].replace("_", "-")),
            *(_value(option.get(key)) for key in known),
            prose(option["help"]),
        )
        for option in options
    ]
    return table(("option", *known, "what it does"), rows) or "None."


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _value(value: object) -> str:
    if value is None:
        return ""
    return code(str(value).lower() if isinstance(value, bool) else value)
