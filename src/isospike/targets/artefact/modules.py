"""Modules as plain data and back: layers of closed tables, and the neurons that are registered."""

from __future__ import annotations

from torch import nn

from isospike.neurons import Neuron
from isospike.pooling import MaxPoolRule
from isospike.targets.artefact.form import Json, ModuleForm, built, described
from isospike.targets.artefact.format import ModuleFields
from isospike.targets.artefact.layers import ACTIVATIONS, LINEAR, MAX_POOLS, POOLING_RULE
from isospike.targets.artefact.neuron_forms import check_registered, neuron_forms


def describe_module(module: nn.Module) -> Json:
    """The kind and the options of a module; its tensors are stored apart.

    Raises:
        ArtefactError: no form is known for it, or it is a neuron that is not registered.
    """
    if isinstance(module, MaxPoolRule):
        return {"kind": MaxPoolRule.__name__, "options": POOLING_RULE.describe(module)}
    if isinstance(module, Neuron):
        check_registered(module)
    return described(module, _forms())


def build_module(description: ModuleFields) -> nn.Module:
    """The module of a description, its tensors still to be filled in.

    Raises:
        ArtefactError: an unknown kind, or options that the kind does not declare.
    """
    return built(description, _forms())


def _forms() -> dict[str, ModuleForm]:
    """Every form, layers before neurons: no neuron takes the name of a layer."""
    closed = {**MAX_POOLS, **ACTIVATIONS, **LINEAR, MaxPoolRule.__name__: POOLING_RULE}
    return {**neuron_forms(), **closed}
