"""The options of a configuration with all that their fields say: name, form, default and docstring."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Mapping
from typing import Any

from isospike.options.configuration import forms_of
from isospike.options.forms import Form
from isospike.registry import kebab_case


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a configuration."""

    name: str
    form: Form
    default: Any
    help: str
    """The docstring of the field, on one line."""

    @property
    def flag(self) -> str:
        """The name on the command line: ``calibration-steps``."""
        return kebab_case(self.name).replace("_", "-")

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of its values."""
        default = list(self.default) if isinstance(self.default, tuple) else self.default
        return {**self.form.schema(), "default": default, "description": self.help}


def options_of(kind: type[Any]) -> tuple[Option, ...]:
    """The options of a dataclass, in the order of its fields."""
    forms, documents = forms_of(kind), docstrings_of(kind)
    return tuple(
        Option(field.name, forms[field.name], field.default, documents.get(field.name, ""))
        for field in dataclasses.fields(kind)
    )


def schema_of(kind: type[Any]) -> dict[str, Any]:
    """The JSON Schema of a configuration: an object that holds none but its options."""
    properties = {option.name: option.schema() for option in options_of(kind)}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def docstrings_of(kind: type[Any]) -> Mapping[str, str]:
    """The string below each annotated field of a dataclass, base classes first."""
    found: dict[str, str] = {}
    for base in reversed([base for base in kind.__mro__ if dataclasses.is_dataclass(base)]):
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                assert isinstance(field.target, ast.Name)
                found[field.target.id] = " ".join(str(text.value.value).split())
    return found
