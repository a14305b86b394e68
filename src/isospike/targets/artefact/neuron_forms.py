"""The neurons that a file can hold: those that are registered, wherever they are from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from isospike.errors import ArtefactError
from isospike.neurons import (
    Emitter,
    IntegrateAndFire,
    Neuron,
    Probing,
    StreamingNeuron,
    emitting,
    is_signed,
    probings,
    streaming,
)
from isospike.ops.two_sided import TwoSided
from isospike.targets.artefact import format as fields
from isospike.targets.artefact.form import Json, ModuleForm, built, described
from isospike.targets.artefact.format import ModuleFields, checked
from isospike.targets.artefact.layers import ACTIVATIONS


def neuron_forms() -> dict[str, ModuleForm]:
    """Forms by class name, of all neurons that are registered now."""
    return {kind.title(): form for kind, form in _registered()}


def check_registered(neuron: Neuron) -> None:
    """Refuse neurons that could not be read again.

    Raises:
        ArtefactError: the class is not registered, or another of its name is.
    """
    kind, known = type(neuron), [kind for kind, _ in _registered()]
    if kind not in known:
        raise ArtefactError(
            f"a {kind.__name__} cannot be stored in a .snn file: its class is not registered; call "
            f"isospike.neurons.streaming.register('NAME', {kind.__name__}), or that of its kind, where it is defined"
        )
    if [other.title() for other in known].count(kind.title()) > 1:
        raise ArtefactError(f"two registered neurons have the name {kind.title()}; rename one to store it")


def _registered() -> Iterator[tuple[type[Neuron], ModuleForm]]:
    for _, streams in streaming.items():
        yield streams, _streaming(streams)
    for _, emits in emitting.items():
        yield emits, _emitting(emits)
    for _, probes in probings.items():
        yield probes, _probing(probes)


def _streaming(kind: type[StreamingNeuron]) -> ModuleForm:
    def describe(neuron: StreamingNeuron) -> Json:
        options = {"activation": described(neuron.activation, ACTIVATIONS), "bias": neuron.bias is not None}
        largest = {} if neuron.default_largest is None else {"largest": neuron.largest}
        return {**options, **largest, **_describe_own(neuron)}

    def build(given: fields.StreamingFields) -> nn.Module:
        if (given.largest is None) != (kind.default_largest is None):
            raise ArtefactError("largest is left out, or of a kind that has none")
        largest: Json = {} if given.largest is None else {"largest": given.largest}
        own: Json = {**largest, **_own(kind, given.own), "bias": torch.empty(1) if given.bias else None}
        return kind(torch.empty(()), torch.empty(()), _activation_of_stream(kind, given.activation), **own)

    return ModuleForm(fields.StreamingFields, describe, build)


def _emitting(kind: type[Emitter]) -> ModuleForm:
    def describe(neuron: Emitter) -> Json:
        own = ({} if neuron.offset is None else {"offset": True}) | _describe_own(neuron)
        return {"levels": neuron.levels, "activation": described(neuron.activation, ACTIVATIONS), **own}

    def build(given: fields.Emitting) -> nn.Module:
        tensors = {"v_init": torch.empty(()), "amplitude": torch.empty(())}
        own = _own(kind, given.own)
        neuron = kind(torch.empty(()), given.levels, activation=_activation(given.activation), **tensors, **own)
        neuron.offset = torch.empty(()) if given.offset else None
        return neuron

    return ModuleForm(fields.Emitting, describe, build)


def _probing(kind: type[Probing]) -> ModuleForm:
    def describe(neuron: Probing) -> Json:
        inner = described(neuron.neuron, neuron_forms())
        return {"neuron": inner, "steps": neuron.probe_steps, **_describe_own(neuron)}

    def build(given: fields.Probe) -> nn.Module:
        inner = built(given.neuron, neuron_forms())
        if not isinstance(inner, IntegrateAndFire) or (inner.is_signed and not kind.serves_signed):
            raise ArtefactError(f"its neurons are of kind {given.neuron.kind}, or stand where values have both signs")
        return kind(inner, given.steps, **_own(kind, given.own))

    return ModuleForm(fields.Probe, describe, build)


def _activation(description: ModuleFields) -> nn.Module:
    """The activation of the ANN in whose place a neuron stands."""
    if description.kind not in ACTIVATIONS:
        raise ArtefactError(f"it stands for an activation of kind {description.kind}")
    return built(description, ACTIVATIONS)


def _activation_of_stream(kind: type[StreamingNeuron], description: ModuleFields) -> nn.Module:
    """That of a streaming neuron: a two-sided function is an island in front of it, not its own."""
    activation = _activation(description)
    if isinstance(activation, TwoSided) or (is_signed(activation) and not kind.serves_signed):
        raise ArtefactError(f"such neurons cannot stand for an activation of kind {description.kind}")
    return activation


def _describe_own(neuron: Neuron) -> Json:
    """What the class declares beyond the arguments of all neurons of its kind."""
    own = {name: getattr(neuron, name) for name in neuron.own_options}
    return {"own": own} if own else {}


def _own(kind: type[Neuron], given: Mapping[str, Any] | None) -> Json:
    values = given or {}
    if set(values) != set(kind.own_options):
        raise ArtefactError(f"it has the options {sorted(values)}, the class declares {sorted(kind.own_options)}")
    return {name: checked(values[name], declared) for name, declared in kind.own_options.items()}
