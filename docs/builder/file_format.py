"""The header of a ``.snn`` file, from the schema that a loader checks it by."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from msgspec import NODEFAULT
from msgspec import inspect as schema

from builder.markdown import block, code, page, prose, table
from isospike.targets.artefact import format as fields
from isospike.targets.artefact.modules import _forms as forms

RANGES = {
    "ge": "≥ {}",
    "gt": "> {}",
    "le": "≤ {}",
    "lt": "< {}",
    "min_length": "at least {} long",
    "max_length": "at most {} long",
}
INTRO = f"""
A `.snn` file is a [safetensors](https://github.com/huggingface/safetensors) file. Its metadata has one key,
`isospike`: JSON, version {fields.VERSION}, of the form below. Loading runs no code from the file. What is not
declared here is refused: unknown fields, other types, numbers outside their ranges. The design has what a loader
checks besides, [and in which order](../design.md#files)."""
TENSORS = """
The tensors are those of the modules, under `module.name`. A network that was calibrated for several numbers of
steps T has the tensors that differ under `@T/module.name`. `hash` is the SHA-256 of the JSON without it and of every
tensor, by name: it protects against damage and careless editing, and is no signature."""


def pages() -> dict[str, str]:
    """One page."""
    header = [_group(kind) for kind in _groups(fields.Header)]
    known = dict(sorted(forms().items()))
    kinds = [(code(name), *_options(form.options)) for name, form in known.items()]
    modules = table(("kind", "options", "what it is"), kinds)
    options = [_group(kind) for kind in dict.fromkeys(form.options for form in known.values()) if _fields(kind)]
    parts = (INTRO, *header, "## Tensors", TENSORS, "## Kinds of modules", modules, *options)
    return {"file-format.md": page("File format", *map(str.strip, parts))}


def _options(kind: type[fields.Fields]) -> tuple[str, str]:
    return code(kind.__name__) if _fields(kind) else "none", prose(inspect.getdoc(kind) or "")


def _fields(kind: type[fields.Fields]) -> tuple[schema.Field, ...]:
    found = schema.type_info(kind)
    assert isinstance(found, schema.StructType)
    return found.fields


def _groups(kind: type[fields.Fields]) -> list[type[fields.Fields]]:
    """A group of fields and those that it holds, from the outside in."""
    found = [kind]
    for group in found:
        inner = [one for field in _fields(group) for one in _inside(field.type) if isinstance(one, schema.StructType)]
        found += [one.cls for one in inner if one.cls not in found]
    return found


def _inside(kind: schema.Type) -> Iterator[schema.Type]:
    """A type and all that it is made of."""
    yield kind
    for field in dataclass_values(kind):
        for part in field if isinstance(field, tuple) else (field,):
            if isinstance(part, schema.Type) and not isinstance(kind, schema.StructType):
                yield from _inside(part)


def dataclass_values(kind: schema.Type) -> list[Any]:
    """The values of a description of a type."""
    return [getattr(kind, name) for name in kind.__struct_fields__]


def _group(kind: type[fields.Fields]) -> str:
    rows = [(code(field.encode_name), _worded(field.type), _default(field)) for field in _fields(kind)]
    about = block(inspect.getdoc(kind) or "", "{eval-rst}")
    return f"## {kind.__name__}\n\n{about}\n\n{table(('field', 'type', 'default'), rows)}"


def _default(field: schema.Field) -> str:
    return "" if field.default is NODEFAULT else code(field.default)


def _worded(kind: schema.Type) -> str:
    """A type in words, with its ranges."""
    match kind:
        case schema.UnionType():
            return " or ".join(map(_worded, kind.types))
        case schema.ListType():
            return f"list of {_part(kind.item_type)}{_range(kind)}"
        case schema.DictType():
            return f"object of {_part(kind.value_type)}{_range(kind)}"
        case schema.LiteralType():
            return " or ".join(code(repr(value)) for value in kind.values)
        case schema.EnumType():
            return " or ".join(code(repr(value.value)) for value in kind.cls)
        case schema.StructType():
            return f"[{kind.cls.__name__}](#{kind.cls.__name__.lower()})"
    return _NAMES[type(kind)] + _range(kind)


def _part(kind: schema.Type) -> str:
    """A type within another one."""
    said = _worded(kind)
    return f"({said})" if ", " in said or " or " in said else said


_NAMES: dict[type[schema.Type], str] = {
    schema.AnyType: "any JSON",
    schema.NoneType: "null",
    schema.BoolType: "true or false",
    schema.IntType: "whole number",
    schema.FloatType: "number",
    schema.StrType: "text",
}


def _range(kind: schema.Type) -> str:
    said = [text.format(value) for key, text in RANGES.items() if (value := getattr(kind, key, None)) is not None]
    pattern = getattr(kind, "pattern", None)
    return "".join(f", {text}" for text in [*said, *([f"matching {code(pattern)}"] if pattern else [])])
