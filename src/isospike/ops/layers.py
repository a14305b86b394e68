"""Layers with weights: from the arguments of their calls to modules."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from isospike.ops.affine import ChannelAffine
from isospike.ops.record import Arguments


def convolution(a: Arguments) -> nn.Module:
    """A convolution; transposed, where the op pads its output."""
    weight: Tensor = a["weight"]
    transposed = "output_padding" in a
    groups = int(a["groups"])
    out_channels = weight.shape[1] * groups if transposed else weight.shape[0]
    in_channels = weight.shape[0] if transposed else weight.shape[1] * groups
    padding = a["padding"] if isinstance(a["padding"], str) else tuple(a["padding"])
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
    return own(module, weight=weight, bias=a["bias"])


def _spread(value: Any, n: int) -> Any:
    """ATen writes ``[1]`` for the same number on every axis."""
    return value * n if isinstance(value, tuple) and len(value) == 1 else value


def linear(a: Arguments) -> nn.Module:
    """A fully connected layer."""
    weight: Tensor = a["weight"]
    module = nn.Linear(weight.shape[1], weight.shape[0], bias=a["bias"] is not None, device="meta")
    return own(module, weight=weight, bias=a["bias"])


def batch_norm(a: Arguments) -> nn.Module:
    """Batch normalisation; its input's rank tells BatchNorm1d, 2d and 3d apart."""
    mean: Tensor = a["running_mean"]
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[a["input"].meta["val"].dim()]
    affine = a["weight"] is not None
    module = kind(mean.numel(), eps=a["eps"], momentum=a["momentum"], affine=affine, device="meta")
    module.num_batches_tracked = torch.zeros((), dtype=torch.long, device=mean.device)
    return own(module, weight=a["weight"], bias=a["bias"], running_mean=mean, running_var=a["running_var"]).eval()


def own(module: nn.Module, **tensors: Tensor | None) -> nn.Module:
    """The module with these tensors; those that the model computed become parameters."""
    for name, tensor in tensors.items():
        if isinstance(tensor, Tensor):
            computed = name in module._parameters and not isinstance(tensor, nn.Parameter)
            setattr(module, name, nn.Parameter(tensor) if computed else tensor)
    return module


def aten_name(module: nn.Module) -> str:
    """The ATen name of what a layer computes: ``conv_transpose2d`` for a ``ConvTranspose2d``."""
    name = type(module).__name__
    words = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).removeprefix("_")
    return "batch_norm" if isinstance(module, ChannelAffine) else words
