"""The layers, activations and pools that a file can hold: closed tables by class name."""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import nn

from isospike.activations import TrainableActivation, activations
from isospike.errors import ArtefactError
from isospike.neurons import InputGrid, QuantisedActivation
from isospike.ops.affine import ChannelAffine
from isospike.ops.batch_constant import BatchConstant
from isospike.ops.signed_site import SignedSite
from isospike.ops.two_sided import Absolute, Bounded, Leaky, ParametricLeaky, SoftShrink
from isospike.pooling import MaxPoolRule, rules
from isospike.targets.artefact import format as fields
from isospike.targets.artefact.form import Json, ModuleForm, built, described
from isospike.targets.artefact.format import Fields, checked
from isospike.targets.artefact.two_sided_fields import BoundedFields, LeakyFields, SoftShrinkFields


def _layer(kind: type[nn.Module], options: type[Fields], axes: int = 0) -> ModuleForm:
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
        with torch.device("meta"):
            return kind(**spread)

    return ModuleForm(options, describe, build)


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
    return {"rule": rule, "pool": described(module.pool, MAX_POOLS)}


def _build_rule(given: fields.Pooling) -> nn.Module:
    if given.pool.kind not in MAX_POOLS:
        raise ArtefactError(f"it pools with a {given.pool.kind}")
    return rules[given.rule](built(given.pool, MAX_POOLS))


def _layers(options: type[Fields], *kinds: type[nn.Module]) -> dict[str, ModuleForm]:
    """One kind of layer for one, two and three axes."""
    return {kind.__name__: _layer(kind, options, axes) for axes, kind in enumerate(kinds, 1)}


MAX_POOLS = {
    **_layers(fields.MaxPool, nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
    **_layers(fields.AdaptivePool, nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
}
ACTIVATIONS = {
    "ReLU": _layer(nn.ReLU, fields.NoFields),
    "Hardtanh": _layer(nn.Hardtanh, fields.Bounds),
    "SignedSite": _layer(SignedSite, fields.NoFields),
    "Leaky": _layer(Leaky, LeakyFields),
    "ParametricLeaky": ModuleForm(fields.NoFields, lambda module: {}, lambda given: ParametricLeaky(torch.empty(()))),
    "Absolute": _layer(Absolute, fields.NoFields),
    "Bounded": _layer(Bounded, BoundedFields),
    "SoftShrink": _layer(SoftShrink, SoftShrinkFields),
    "TrainableActivation": ModuleForm(fields.Trainable, _describe_trainable, _build_trainable),
    "QuantisedActivation": ModuleForm(
        fields.Quantised,
        lambda module: {"levels": module.levels, "phase": module.shift},
        lambda given: QuantisedActivation(torch.empty(()), given.levels, given.phase),
    ),
}
LINEAR = {
    **_layers(fields.Convolution, nn.Conv1d, nn.Conv2d, nn.Conv3d),
    **_layers(fields.TransposedConvolution, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
    "Linear": _layer(nn.Linear, fields.Linear),
    "ChannelAffine": _layer(ChannelAffine, fields.ChannelAffineFields),
    "AvgPool1d": _layer(nn.AvgPool1d, fields.AveragePool1d, 1),
    "AvgPool2d": _layer(nn.AvgPool2d, fields.AveragePool, 2),
    "AvgPool3d": _layer(nn.AvgPool3d, fields.AveragePool, 3),
    **_layers(fields.AdaptivePool, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    "BatchConstant": ModuleForm(
        fields.BatchConstantFields,
        lambda module: {"shape": list(module.bias.shape), "rows": module.rows},
        lambda given: BatchConstant(torch.empty(given.shape, device="meta"), given.rows),
    ),
    "InputGrid": ModuleForm(
        fields.Grid,
        lambda module: {"fraction": module.fraction, "limit": module.limit},
        lambda given: InputGrid(given.fraction, given.limit),
    ),
}
POOLING_RULE = ModuleForm(fields.Pooling, _describe_rule, _build_rule)
"""A pooling rule is written as what it is, whatever its class."""
