"""Modules as plain data and back, over a closed table of kinds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from isospike.activations import TrainableActivation, activations
from isospike.errors import ArtefactError
from isospike.export import format as fields
from isospike.export.format import Fields, ModuleFields, checked
from isospike.neurons import (
    BitCoded,
    Emitter,
    InputGrid,
    IntegrateAndFire,
    OffsetShift,
    Pasc,
    Probing,
    QuantisedActivation,
    ResidualMask,
    StreamingNeuron,
    streaming,
)
from isospike.ops.affine import ChannelAffine
from isospike.ops.batch_constant import BatchConstant
from isospike.pooling import MaxPoolRule, rules

Json = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """How modules of one class are written and built."""

    options: type[Fields]
    """What is written of them."""
    describe: Callable[[Any], Json]
    """From a module to its options."""
    build: Callable[[Any], nn.Module]
    """From checked options to a module whose tensors are still to be filled in."""


def describe_module(module: nn.Module) -> Json:
    """The kind and the options of a module; its tensors are stored apart.

    Raises:
        ArtefactError: no kind of the table.
    """
    name = MaxPoolRule.__name__ if isinstance(module, MaxPoolRule) else type(module).__name__
    kind = KINDS.get(name)
    if kind is None:
        raise ArtefactError(f"a {name} cannot be stored in a .snn file; known: {', '.join(sorted(KINDS))}")
    return {"kind": name, "options": kind.describe(module)}


def build_module(description: ModuleFields) -> nn.Module:
    """The module of a description, its tensors still to be filled in.

    Raises:
        ArtefactError: an unknown kind, or options that the kind does not declare.
    """
    kind = KINDS.get(description.kind)
    if kind is None:
        raise ArtefactError(f"the file asks for a module of unknown kind '{description.kind}'")
    try:
        return kind.build(checked(description.options, kind.options))
    except ArtefactError as error:
        raise ArtefactError(f"a {description.kind} has wrong options: {error}") from error


def _layer(kind: type[nn.Module], options: type[Fields], axes: int = 0) -> Kind:
    """A module of torch: options are arguments of its constructor and attributes of the same name.

    Options that are lists have one value for each of the ``axes``.
    """
    names = [name for name in options.__struct_fields__ if name != "bias"]

    def describe(module: nn.Module) -> Json:
        values = {name: getattr(module, name) for name in names}
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
        return values | ({"bias": module.bias is not None} if "bias" in options.__struct_fields__ else {})

    def build(given: Any) -> nn.Module:
        values = {name: getattr(given, name) for name in options.__struct_fields__}
        uneven = [name for name, value in values.items() if isinstance(value, list) and len(value) != axes]
        if uneven:
            raise ArtefactError(f"{', '.join(uneven)} must have {axes} values")
        spread = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        try:
            with torch.device("meta"):
                return kind(**spread)
        except (ValueError, RuntimeError, OverflowError) as error:
            raise ArtefactError(str(error)) from error

    return Kind(options, describe, build)


def _describe_streaming(neuron: StreamingNeuron) -> Json:
    own = {"activation": describe_module(neuron.activation), "bias": neuron.bias is not None}
    return own if neuron.default_largest is None else {**own, "largest": neuron.up}


def _streaming(kind: type[StreamingNeuron]) -> Kind:
    def build(given: fields.Streaming) -> nn.Module:
        if (given.largest is None) != (kind.default_largest is None):
            raise ArtefactError("largest is left out, or of a kind that has none")
        largest: Json = {} if given.largest is None else {"largest": given.largest}
        tensors, bias = (torch.empty(()), torch.empty(())), torch.empty(1) if given.bias else None
        return kind(*tensors, _activation(given.activation), bias=bias, **largest)

    return Kind(fields.Streaming, _describe_streaming, build)


def _probing(kind: type[Probing]) -> Kind:
    def describe(module: Probing) -> Json:
        return {"neuron": describe_module(module.neuron), "steps": module.probe_steps}

    def build(given: fields.Probe) -> nn.Module:
        neuron = build_module(given.neuron)
        if not isinstance(neuron, IntegrateAndFire):
            raise ArtefactError(f"its neurons are of kind {given.neuron.kind}")
        return kind(neuron, given.steps)

    return Kind(fields.Probe, describe, build)


def _emitting(kind: type[Emitter]) -> Kind:
    def describe(module: Emitter) -> Json:
        return {"levels": module.levels, "activation": describe_module(module.activation)}

    def build(given: fields.Emitting) -> nn.Module:
        tensors = {"v_init": torch.empty(()), "amplitude": torch.empty(())}
        return kind(torch.empty(()), given.levels, activation=_activation(given.activation), **tensors)

    return Kind(fields.Emitting, describe, build)


def _describe_trainable(module: TrainableActivation) -> Json:
    return {"name": module.activation.name, "options": dataclasses.asdict(module.activation)}


def _build_trainable(given: fields.Trainable) -> nn.Module:
    kind = activations[given.name]
    unknown = set(given.options) - {field.name for field in dataclasses.fields(kind)}
    if unknown:
        raise ArtefactError(f"unknown options {sorted(unknown)}")
    return TrainableActivation(checked(given.options, kind), torch.empty(()))


def _describe_rule(module: MaxPoolRule) -> Json:
    (rule,) = [rule for rule, kind in rules.items() if kind is type(module)]
    return {"rule": rule, "pool": describe_module(module.pool)}


def _build_rule(given: fields.Pooling) -> nn.Module:
    if given.pool.kind not in MAX_POOLS:
        raise ArtefactError(f"it pools with a {given.pool.kind}")
    return rules[given.rule](build_module(given.pool))


def _activation(description: ModuleFields) -> nn.Module:
    """The activation of the ANN in whose place a neuron stands."""
    if description.kind not in ACTIVATIONS:
        raise ArtefactError(f"it stands for an activation of kind {description.kind}")
    return build_module(description)


def _layers(options: type[Fields], *kinds: type[nn.Module]) -> dict[str, Kind]:
    """One kind of layer for one, two and three axes."""
    return {kind.__name__: _layer(kind, options, axes) for axes, kind in enumerate(kinds, 1)}


MAX_POOLS = {
    **_layers(fields.MaxPool, nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
    **_layers(fields.AdaptivePool, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
}
ACTIVATIONS = {
    "ReLU": _layer(nn.ReLU, fields.Nothing),
    "Hardtanh": _layer(nn.Hardtanh, fields.Bounds),
    "TrainableActivation": Kind(fields.Trainable, _describe_trainable, _build_trainable),
    "QuantisedActivation": Kind(
        fields.Quantised,
        lambda module: {"levels": module.levels, "phase": module.shift},
        lambda given: QuantisedActivation(torch.empty(()), given.levels, given.phase),
    ),
}
LINEAR = {
    **_layers(fields.Convolution, nn.Conv1d, nn.Conv2d, nn.Conv3d),
    **_layers(fields.TransposedConvolution, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
    "Linear": _layer(nn.Linear, fields.Linear),
    "ChannelAffine": _layer(ChannelAffine, fields.ChannelAffine),
    "AvgPool1d": _layer(nn.AvgPool1d, fields.AveragePool1d, 1),
    "AvgPool2d": _layer(nn.AvgPool2d, fields.AveragePool, 2),
    "AvgPool3d": _layer(nn.AvgPool3d, fields.AveragePool, 3),
    **_layers(fields.AdaptivePool, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    "BatchConstant": Kind(
        fields.BatchConstant,
        lambda module: {"shape": list(module.bias.shape)},
        lambda given: BatchConstant(torch.empty(given.shape, device="meta")),
    ),
    "InputGrid": Kind(
        fields.Grid,
        lambda module: {"fraction": module.fraction, "limit": module.limit},
        lambda given: InputGrid(given.fraction, given.limit),
    ),
}
NEURONS = {
    **{kind.__name__: _emitting(kind) for kind in (BitCoded, Pasc)},
    **{kind.__name__: _probing(kind) for kind in (ResidualMask, OffsetShift)},
    **{kind.__name__: _streaming(kind) for _, kind in streaming.items()},
}
KINDS = {
    **MAX_POOLS,
    **ACTIVATIONS,
    **LINEAR,
    **NEURONS,
    "MaxPoolRule": Kind(fields.Pooling, _describe_rule, _build_rule),
}
"""Every module that a file can hold, by class name; a pooling rule is written as what it is, whatever its class."""
