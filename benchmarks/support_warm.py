"""Fresh networks as trained ones are: random weights hide what a conversion does to a network."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from isospike.inputs import Inputs, called

SILENT = 1e-3
"""Gains and weights below it are ones that training starts from zero."""


@torch.no_grad()
def warmed_up(model: nn.Module, batches: Iterable[Inputs]) -> nn.Module:
    """The model in eval mode, changed in place so that every branch of it carries values.

    Three things of a fresh network would make any conversion look right or wrong. Batch norms have the statistics 0 and
    1, so that values grow or die from layer to layer: they get those of random batches, in train mode. Layer scales of
    1e-6 and norms of gain 0 at the end of residual branches switch the blocks off, whose errors are then not seen: they
    become 1. So do weights of size 1e-6 in gates, drawn anew.
    """
    for name, parameter in model.named_parameters():
        if not name.endswith("bias") and parameter.is_floating_point() and _is_silent(parameter):
            _wake(parameter)
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # the mean over the batches
        norm.train()
    for batch in batches if norms else ():
        called(model, batch)
    return model.eval()


def _is_silent(parameter: Tensor) -> bool:
    return bool(parameter.numel()) and parameter.abs().max().item() < SILENT


def _wake(parameter: Tensor) -> None:
    """Ones for gains; of matrices a draw as layers have it."""
    if parameter.squeeze().dim() < 2:
        nn.init.ones_(parameter)
    else:
        nn.init.kaiming_uniform_(parameter, a=5**0.5)


def like(example: Any, count: int, seed: int) -> Any:
    """A batch of ``count`` samples of the kind of an example: new numbers, new tokens, the same masks."""
    generator = torch.Generator().manual_seed(seed)
    if isinstance(example, dict):
        return {name: _drawn(tensor, count, generator) for name, tensor in example.items()}
    return _drawn(example, count, generator)


def _drawn(tensor: Tensor, count: int, generator: torch.Generator) -> Tensor:
    shape = (count, *tensor.shape[1:])
    if tensor.is_floating_point():
        return torch.randn(shape, generator=generator)
    if tensor.min() == 0 and tensor.max() == 1:  # a mask
        return tensor[torch.arange(count) % len(tensor)]
    return torch.randint(int(tensor.min()), int(tensor.max()) + 1, shape, generator=generator)
