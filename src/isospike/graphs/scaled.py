"""Layers whose outputs are scaled and shifted channel by channel, as new layers."""

from __future__ import annotations

import torch
from torch import Tensor, nn

Convolution = nn.Conv1d | nn.Conv2d | nn.Conv3d
Transposed = nn.ConvTranspose1d | nn.ConvTranspose2d | nn.ConvTranspose3d


def can_be_scaled(layer: nn.Module, shape: tuple[int, ...]) -> bool:
    """Whether a layer's outputs, of this shape without the batch axis, have their channels where it has its weights.

    A linear layer has its channels last, which is the first axis only for ``[B, C]``.
    """
    return isinstance(layer, Convolution | Transposed) or (isinstance(layer, nn.Linear) and len(shape) == 1)


@torch.no_grad()
def scaled(layer: nn.Module, scale: Tensor, shift: Tensor | None = None) -> nn.Module:
    """A new layer computing ``scale * layer(x) + shift``; a layer may be shared, so it is never changed."""
    assert isinstance(layer, Convolution | Transposed | nn.Linear)
    weight = layer.weight.double()
    if isinstance(layer, Transposed):  # [C_in, C_out / groups, ...], the groups lie along C_in
        grouped = weight.unflatten(0, (layer.groups, -1))
        factor = scale.view(layer.groups, 1, -1, *(1,) * (weight.dim() - 2))
        weight = (grouped * factor).flatten(0, 1)
    else:
        weight = weight * scale.view(-1, *(1,) * (weight.dim() - 1))
    bias = None if layer.bias is None else layer.bias.double() * scale
    if shift is not None:
        bias = shift if bias is None else bias + shift
    new = _empty_like(layer)
    assign(new, weight, bias, like=layer.weight)
    return new


def _empty_like(layer: Convolution | Transposed | nn.Linear) -> nn.Module:
    if isinstance(layer, nn.Linear):
        return nn.Linear(layer.in_features, layer.out_features, device="meta")
    options = {name: getattr(layer, name) for name in ("stride", "padding", "dilation", "groups")}
    if isinstance(layer, Transposed):
        options["output_padding"] = layer.output_padding
    return type(layer)(layer.in_channels, layer.out_channels, layer.kernel_size, device="meta", **options)  # type: ignore[arg-type]


def assign(module: nn.Module, weight: Tensor, bias: Tensor | None, *, like: Tensor | None) -> None:
    """Give a module parameters of the type and on the device of ``like``."""
    assert like is not None
    module.weight = nn.Parameter(weight.detach().to(like))
    module.register_parameter("bias", None if bias is None else nn.Parameter(bias.detach().to(like)))
