"""The keys of the JSON object of a result, from the description by which it is written and checked."""

from __future__ import annotations

import inspect
from typing import Any

from builder.markdown import code, prose, table
from isospike.options.forms import Words
from isospike.options.option import docstrings_of
from isospike.results import JsonForm, Member, Result, members_of
from isospike.results.containers import Fixed, Keyed, Listed, Mapped, Nested, OneOfForms
from isospike.results.forms import Anything, Leaf
from isospike.results.marks import Presence

PRESENT = {
    Presence.ALWAYS: "",
    Presence.IF_KNOWN: "; may be absent",
    Presence.IF_THERE: "; absent where there is none",
}


def keys_of(kind: type[Any]) -> str:
    """A table of all keys; nothing for what has no JSON object."""
    if not issubclass(kind, Result):
        return ""
    rows = [
        (code(".".join(one.path)), worded(one.form) + PRESENT[one.presence], _shown(one), prose(_meaning(kind, one)))
        for one in members_of(kind)
    ]
    return table(("key in JSON", "value", "shown as", "what it is"), rows)


def worded(form: JsonForm) -> str:
    """A form in words, with links to other results."""
    return f"{_noun(form)} or null" if form.nullable else _noun(form)


def _noun(form: JsonForm) -> str:
    match form:
        case Nested(kind=kind) if issubclass(kind, Result):
            return f"[{kind.__name__}](#{kind.__name__.lower()})"
        case Nested(kind=kind):
            return _noun(kind.json_form())
        case Listed(item=item):
            return f"list of {_part(item)}"
        case Mapped(item=Anything()):
            return "object"
        case Mapped(key=key, item=item):
            return f"object of {_part(item)} by {'whole number' if key is int else 'name'}"
        case Keyed(keys=keys):
            return f"object of {', '.join(f'{code(key)} ({worded(item)})' for key, item in keys.items())}"
        case Fixed(items=items):
            return f"list of {', '.join(map(worded, items))}"
        case OneOfForms(forms=forms):
            return " or ".join(map(worded, forms))
        case Leaf(form=Words(known=known)):
            return " or ".join(map(code, known))
    return form.noun.removeprefix("a ").removeprefix("an ")


def _part(form: JsonForm) -> str:
    """A form within another one."""
    said = worded(form)
    return f"({said})" if ", " in said or " or " in said else said


def _shown(member: Member) -> str:
    return "" if member.shown is None else f"{member.shown.title} {member.shown.unit}".strip()


def _meaning(kind: type[Any], member: Member) -> str:
    """The docstring of a field, of a property or of a method."""
    if member.through:
        kind = _type_of(kind, member.through)
    documents = docstrings_of(kind)
    described = documents.get(member.name) or inspect.getdoc(getattr(kind, member.name, None)) or ""
    return described.split("\n\n")[0]


def _type_of(kind: type[Any], field: str) -> type[Any]:
    """The class of a field whose keys stand among the others."""
    hint: type[Any] = inspect.get_annotations(kind, eval_str=True)[field].__origin__
    return hint
