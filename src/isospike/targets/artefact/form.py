"""How modules of one class are written to a file and built from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from isospike.errors import ArtefactError
from isospike.messages import first_line
from isospike.neurons.neuron import title_of
from isospike.targets.artefact.format import Fields, ModuleFields, checked

Json = dict[str, Any]


@dataclass(frozen=True)
class ModuleForm:
    """What a file says of modules of one class; their tensors are stored apart."""

    options: type[Fields]
    """What is written of them."""
    describe: Callable[[Any], Json]
    """From a module to its options."""
    build: Callable[[Any], nn.Module]
    """From checked options to a module whose tensors are still to be filled in."""


def described(module: nn.Module, forms: Mapping[str, ModuleForm]) -> Json:
    """Class name and options of a module.

    Raises:
        ArtefactError: the table has no form for it.
    """
    name = title_of(module)
    if name not in forms:
        raise ArtefactError(f"a {name} cannot be stored in a .snn file; known: {', '.join(sorted(forms))}")
    return {"kind": name, "options": forms[name].describe(module)}


def built(description: ModuleFields, forms: Mapping[str, ModuleForm]) -> nn.Module:
    """The module of a description, its tensors still to be filled in.

    Raises:
        ArtefactError: an unknown kind, or options that the kind does not declare.
    """
    form = forms.get(description.kind)
    if form is None:
        raise ArtefactError(f"the file asks for a module of unknown kind '{description.kind}'")
    try:
        return form.build(checked(description.options, form.options))
    except (ArtefactError, ValueError, RuntimeError, OverflowError) as error:  # torch's layers raise such
        raise ArtefactError(f"a {description.kind} has wrong options: {first_line(error)}") from error
