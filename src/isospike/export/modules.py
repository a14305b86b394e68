"""Modules as plain data and back, over a closed set of kinds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from isospike.activations import TrainableActivation, activations
from isospike.capture.modules import MODULE_KINDS
from isospike.errors import ArtefactError
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
from isospike.pooling import MaxPoolRule, rules

Json = dict[str, Any]

_CONVOLUTION = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups")
_WINDOW = ("kernel_size", "stride", "padding")
_OPTIONS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("Conv1d", "Conv2d", "Conv3d"), _CONVOLUTION),
    **dict.fromkeys(("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"), (*_CONVOLUTION, "output_padding")),
    "Linear": ("in_features", "out_features"),
    "ChannelAffine": ("channels",),
    "ReLU": (),
    "Hardtanh": ("min_val", "max_val"),
    **dict.fromkeys(("MaxPool1d", "MaxPool2d", "MaxPool3d"), (*_WINDOW, "dilation", "ceil_mode")),
    "AvgPool1d": (*_WINDOW, "ceil_mode", "count_include_pad"),
    **dict.fromkeys(("AvgPool2d", "AvgPool3d"), (*_WINDOW, "ceil_mode", "count_include_pad", "divisor_override")),
    **dict.fromkeys(("AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d"), ("output_size",)),
    **dict.fromkeys(("AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d"), ("output_size",)),
}
"""Constructor options by kind; the attributes have the same names."""
_EMITTERS: dict[str, type[Emitter]] = {kind.__name__: kind for kind in (BitCoded, Pasc)}
_PROBING: dict[str, type[Probing]] = {kind.__name__: kind for kind in (ResidualMask, OffsetShift)}
_STREAMING: dict[str, type[StreamingNeuron]] = {kind.__name__: kind for _, kind in streaming.items()}


def describe_module(module: nn.Module) -> Json:
    """The kind and the options of a module; its tensors are stored apart."""
    name = type(module).__name__
    if isinstance(module, StreamingNeuron):
        return {"kind": name, "options": _describe_streaming(module)}
    if isinstance(module, Probing):
        return {"kind": name, "options": {"neuron": describe_module(module.neuron), "steps": module.probe_steps}}
    if isinstance(module, Emitter | QuantisedActivation):
        return {"kind": name, "options": _describe_quantiser(module)}
    if isinstance(module, TrainableActivation):
        activation = module.activation
        return {"kind": name, "options": {"name": activation.name, "options": dataclasses.asdict(activation)}}
    if isinstance(module, InputGrid):
        return {"kind": name, "options": {"fraction": module.fraction, "limit": module.limit}}
    if isinstance(module, MaxPoolRule):
        (rule,) = [rule for rule, kind in rules.items() if kind is type(module)]
        return {"kind": "MaxPoolRule", "options": {"rule": rule, "pool": describe_module(module.pool)}}
    if name not in _OPTIONS:
        raise ArtefactError(f"a {name} cannot be stored in a .snn file; known: {', '.join(sorted(_OPTIONS))}")
    options = {option: getattr(module, option) for option in _OPTIONS[name]}
    if hasattr(module, "bias") and name != "ChannelAffine":
        options["bias"] = module.bias is not None
    return {"kind": name, "options": options}


def build_module(description: Mapping[str, Any]) -> nn.Module:
    """The module of a description, its tensors still to be filled in.

    Raises:
        ArtefactError: an unknown kind or an unknown option.
    """
    kind, options = str(description["kind"]), dict(description["options"])
    if kind in _STREAMING:
        return _build_streaming(kind, **options)
    if kind in _PROBING:
        return _build_probing(kind, **options)
    if kind in _EMITTERS or kind == "QuantisedActivation":
        return _build_quantiser(kind, **options)
    if kind == "TrainableActivation":
        return TrainableActivation(activations[options["name"]](**options["options"]), torch.empty(()))
    if kind == "InputGrid":
        return InputGrid(int(options["fraction"]), float(options["limit"]))
    if kind == "MaxPoolRule":
        return rules[options["rule"]](build_module(options["pool"]))
    if kind not in _OPTIONS:
        raise ArtefactError(f"the file asks for a module of unknown kind '{kind}'")
    unknown = set(options) - {*_OPTIONS[kind], "bias"}
    if unknown:
        raise ArtefactError(f"the file gives a {kind} the unknown options {sorted(unknown)}")
    options = {name: tuple(value) if isinstance(value, list) else value for name, value in options.items()}
    with torch.device("meta"):
        return MODULE_KINDS[kind](**options)


def _describe_streaming(neuron: StreamingNeuron) -> Json:
    options: Json = {"activation": describe_module(neuron.activation), "bias": neuron.bias is not None}
    if neuron.default_largest is not None:
        options["largest"] = neuron.up
    return options


def _build_streaming(kind: str, *, activation: Json, bias: bool = False, **options: Any) -> nn.Module:
    tensors = (torch.empty(()), torch.empty(()))
    return _STREAMING[kind](*tensors, build_module(activation), bias=torch.empty(1) if bias else None, **options)


def _build_probing(kind: str, *, neuron: Json, steps: int) -> nn.Module:
    inner = build_module(neuron)
    if not isinstance(inner, IntegrateAndFire):
        raise ArtefactError(f"the file gives a {kind} neurons of kind {type(inner).__name__}")
    return _PROBING[kind](inner, steps)


def _describe_quantiser(module: Emitter | QuantisedActivation) -> Json:
    if isinstance(module, QuantisedActivation):
        return {"levels": module.levels, "phase": module.shift}
    return {"levels": module.levels, "activation": describe_module(module.activation)}


def _build_quantiser(kind: str, *, levels: int, phase: float = 0.0, activation: Json | None = None) -> nn.Module:
    if not isinstance(levels, int) or levels < 1 or not 0 <= phase < 1:
        raise ArtefactError(f"the file gives a {kind} {levels} levels and phase {phase}")
    if kind == "QuantisedActivation":
        return QuantisedActivation(torch.empty(()), levels, phase)
    tensors = {"v_init": torch.empty(()), "amplitude": torch.empty(())}
    return _EMITTERS[kind](torch.empty(()), levels, activation=build_module(activation or {}), **tensors)
