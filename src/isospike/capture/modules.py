"""ATen calls back to the plain modules that compute them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from isospike.activations import Granularity, TrainableActivation, activations
from isospike.capture.affine import ChannelAffine
from isospike.errors import CaptureError

Arguments = Mapping[str, Any]
"""Arguments of one call by schema name; constants are tensors, activations are ``fx.Node``."""


def raise_call(op: str, overload: str, arguments: Arguments, rank: int) -> nn.Module | None:
    """The module that computes ``aten.op.overload`` with these constants, or ``None`` if it stays a call.

    Args:
        op: ATen name, e.g. ``conv2d``.
        overload: its overload, e.g. ``padding``.
        arguments: arguments by schema name; constants are tensors.
        rank: number of axes of the output, batch included; tells BatchNorm1d, 2d and 3d apart.
    """
    if "conv" in op:
        return _convolution(op, overload, arguments)
    if op == "batch_norm":
        return _batch_norm(arguments, rank)
    builder = _BUILDERS.get(op)
    return None if builder is None else builder(arguments)


def _convolution(op: str, overload: str, a: Arguments) -> nn.Module:
    weight: Tensor = a["weight"]
    transposed = "transpose" in op
    groups = int(a["groups"])
    out_channels = weight.shape[1] * groups if transposed else weight.shape[0]
    in_channels = weight.shape[0] if transposed else weight.shape[1] * groups
    padding = a["padding"] if overload == "padding" else tuple(a["padding"])
    options: dict[str, Any] = {
        "kernel_size": tuple(weight.shape[2:]),
        "stride": tuple(a["stride"]),
        "padding": padding,
        "dilation": tuple(a["dilation"]),
        "groups": groups,
        "bias": a["bias"] is not None,
    }
    if transposed:
        options["output_padding"] = tuple(a["output_padding"])
    n = weight.dim() - 2
    kinds = (
        (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
        if transposed
        else (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    )
    options = {k: _spread(v, n) for k, v in options.items()}
    module = kinds[n - 1](in_channels, out_channels, device="meta", **options)
    return _own(module, weight=weight, bias=a["bias"])


def _spread(value: Any, n: int) -> Any:
    """ATen writes ``[1]`` for the same number on every axis."""
    return value * n if isinstance(value, tuple) and len(value) == 1 else value


def _linear(a: Arguments) -> nn.Module:
    weight: Tensor = a["weight"]
    module = nn.Linear(weight.shape[1], weight.shape[0], bias=a["bias"] is not None, device="meta")
    return _own(module, weight=weight, bias=a["bias"])


def _batch_norm(a: Arguments, rank: int) -> nn.Module:
    mean: Tensor = a["running_mean"]
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[rank]
    affine = a["weight"] is not None
    module = kind(mean.numel(), eps=a["eps"], momentum=a["momentum"], affine=affine, device="meta")
    module.num_batches_tracked = torch.zeros((), dtype=torch.long, device=mean.device)
    return _own(module, weight=a["weight"], bias=a["bias"], running_mean=mean, running_var=a["running_var"]).eval()


def _own(module: nn.Module, **tensors: Tensor | None) -> nn.Module:
    for name, tensor in tensors.items():
        if isinstance(tensor, Tensor):
            computed = name in module._parameters and not isinstance(tensor, nn.Parameter)
            setattr(module, name, nn.Parameter(tensor) if computed else tensor)
    return module


def _rectifier(low: float, high: float | None) -> nn.Module | None:
    if low != 0:
        return None
    return nn.ReLU() if high is None or high == float("inf") else nn.Hardtanh(0.0, float(high))


def _clamp(a: Arguments) -> nn.Module | None:
    low, high = a["min"], a.get("max")
    if not isinstance(low, (int, float)) or not (high is None or isinstance(high, (int, float))):
        return None
    return None if high is not None and high <= 0 else _rectifier(low, high)


def _threshold(a: Arguments) -> nn.Module | None:
    return nn.ReLU() if a["threshold"] == 0 and a["value"] == 0 else None


def _max_pool(kind: type[nn.MaxPool1d] | type[nn.MaxPool2d] | type[nn.MaxPool3d]) -> Callable[[Arguments], nn.Module]:
    def build(a: Arguments) -> nn.Module:
        kernel = tuple(a["kernel_size"])
        stride = tuple(a["stride"]) or kernel
        return kind(kernel, stride, tuple(a["padding"]), tuple(a["dilation"]), ceil_mode=a["ceil_mode"])

    return build


def _adaptive(kind: Callable[[Any], nn.Module]) -> Callable[[Arguments], nn.Module]:
    return lambda a: kind(tuple(a["output_size"]))


def _avg_pool(kind: Callable[..., nn.Module]) -> Callable[[Arguments], nn.Module]:
    def build(a: Arguments) -> nn.Module:
        kernel = tuple(a["kernel_size"])
        stride = tuple(a["stride"]) or kernel
        extra = {"divisor_override": a["divisor_override"]} if "divisor_override" in a else {}
        return kind(
            kernel,
            stride,
            tuple(a["padding"]),
            ceil_mode=a["ceil_mode"],
            count_include_pad=a["count_include_pad"],
            **extra,
        )

    return build


def _trainable(name: str) -> Callable[[Arguments], nn.Module]:
    """The activation of this name; its configuration is what the operator was called with."""

    def build(a: Arguments) -> nn.Module:
        log_bound: Tensor = a["log_bound"]
        if not log_bound.isfinite().all():
            raise CaptureError(
                f"a {name} activation has a bound that is not positive and finite: {log_bound.exp().tolist()!r:.80}; "
                "was its training stable?"
            )
        options = {key: value for key, value in a.items() if key not in ("input", "log_bound")}
        granularity: Granularity = "channel" if log_bound.dim() else "layer"
        module = TrainableActivation(activations[name](granularity=granularity, **options), log_bound)
        return _own(module, log_bound=log_bound)

    return build


_BUILDERS: dict[str, Callable[[Arguments], nn.Module | None]] = {
    "linear": _linear,
    "relu": lambda a: nn.ReLU(),
    "relu6": lambda a: nn.Hardtanh(0.0, 6.0),
    "hardtanh": lambda a: _rectifier(a["min_val"], a["max_val"]) if a["max_val"] > 0 else None,
    "clamp": _clamp,
    "clamp_min": _clamp,
    "threshold": _threshold,
    "max_pool1d": _max_pool(nn.MaxPool1d),
    "max_pool2d": _max_pool(nn.MaxPool2d),
    "max_pool3d": _max_pool(nn.MaxPool3d),
    "adaptive_max_pool1d": _adaptive(nn.AdaptiveMaxPool1d),
    "adaptive_max_pool2d": _adaptive(nn.AdaptiveMaxPool2d),
    "adaptive_max_pool3d": _adaptive(nn.AdaptiveMaxPool3d),
    "avg_pool1d": _avg_pool(nn.AvgPool1d),
    "avg_pool2d": _avg_pool(nn.AvgPool2d),
    "avg_pool3d": _avg_pool(nn.AvgPool3d),
    "adaptive_avg_pool1d": _adaptive(nn.AdaptiveAvgPool1d),
    "adaptive_avg_pool2d": _adaptive(nn.AdaptiveAvgPool2d),
    "adaptive_avg_pool3d": _adaptive(nn.AdaptiveAvgPool3d),
    **{name.replace("-", "_"): _trainable(name) for name in activations},
}

MODULE_KINDS: dict[str, type[nn.Module]] = {
    kind.__name__: kind
    for kind in (
        *(nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
        *(nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, ChannelAffine, nn.ReLU, nn.Hardtanh),
        *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
        *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
        *(nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
        *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    )
}
"""Every module a captured graph can hold, by class name; beside them trainable activations."""


def aten_name(module: nn.Module) -> str:
    """The ATen name of what a layer computes: ``conv_transpose2d`` for a ``ConvTranspose2d``."""
    name = type(module).__name__
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("_")
    return "batch_norm" if isinstance(module, ChannelAffine) else words
