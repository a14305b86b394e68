"""The network SpikingJelly converts, and passes over it, run as its documentation says.

* conversion: ``ann2snn.Converter(RateCodingRecipe(dataloader, mode="99.9%", fuse_flag=True))``,
  batch normalisation folded into the convolutions, each ``nn.ReLU`` replaced by scaler,
  ``IFNode(v_reset=None)`` and scaler, thresholds calibrated on seeded noise;
* step mode ``s``: T calls of the network on the same input, outputs averaged, ``reset_net``;
* step mode ``m``: ``set_step_mode(net, "m")``, one call on the input repeated T times along
  dimension 0, outputs averaged over dimension 0, ``reset_net``.

A pass resets the network when it ends, not when it begins: the membrane potentials of one pass
then do not outlive it, and all the memory of a pass is taken during the pass.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import torch
from spikingjelly.activation_based import ann2snn, functional, neuron
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
Pass = Callable[[], Tensor]
Key = tuple[str, str]  # case, layout


def convert(network: nn.Module, calibration: Iterable[Tensor], mode: str) -> nn.Module:
    """SpikingJelly's rate-coding conversion of a copy of ``network``, in eval mode."""
    recipe = ann2snn.RateCodingRecipe(dataloader=calibration, mode=mode, fuse_flag=True)
    converted: nn.Module = ann2snn.Converter(recipe=recipe).convert(copy.deepcopy(network))
    return converted.eval()


def single_step_pass(network: nn.Module, x: Tensor, steps: int) -> Pass:
    """Mean output over ``steps`` single-step calls, ``[B, classes]``, from the reset state."""
    functional.set_step_mode(network, "s")

    def run() -> Tensor:
        total: Tensor = network(x)
        for _ in range(steps - 1):
            total = total + network(x)
        functional.reset_net(network)
        return total / steps

    return run


def multi_step_pass(network: nn.Module, x: Tensor, steps: int) -> Pass:
    """Mean output of one multi-step call over ``[steps, B, 3, H, W]``, from the reset state."""
    functional.set_step_mode(network, "m")

    def run() -> Tensor:
        mean: Tensor = network(x.unsqueeze(0).repeat(steps, 1, 1, 1, 1)).mean(0)
        functional.reset_net(network)
        return mean

    return run


def firing_rates(network: nn.Module, run: Pass) -> dict[str, Any]:
    """Spikes per neuron and step of every IFNode during one pass; outputs must be 0 or 1.

    Raises:
        RuntimeError: The network holds no IFNode, emits no spike, or a value that is no spike.
    """
    spikes: dict[str, float] = {}
    neuron_steps: dict[str, int] = {}

    def record(name: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def hook(_module: nn.Module, _arguments: Any, out: Tensor) -> None:
            if not bool(((out == 0) | (out == 1)).all()):
                raise RuntimeError(f"{name} emitted values other than 0 and 1")
            # float64 counts exactly up to 2^53; float32 would stop at 2^24 spikes.
            spikes[name] = spikes.get(name, 0.0) + float(out.sum(dtype=torch.float64))
            neuron_steps[name] = neuron_steps.get(name, 0) + out.numel()

        return hook

    nodes = {name: node for name, node in network.named_modules() if isinstance(node, neuron.IFNode)}
    handles = [node.register_forward_hook(record(name)) for name, node in nodes.items()]
    run()
    for handle in handles:
        handle.remove()
    total = sum(spikes.values())
    if total == 0:
        raise RuntimeError("the converted network emitted no spike")
    rates = [spikes[name] / neuron_steps[name] for name in spikes]
    return {
        "if_nodes": len(nodes),
        "spikes": int(total),
        "mean_firing_rate": total / sum(neuron_steps.values()),
        "lowest_layer_rate": min(rates),
        "highest_layer_rate": max(rates),
    }


def build_passes(network: nn.Module, converted: nn.Module, x: Tensor, steps: int) -> dict[Key, Pass]:
    """The passes to time, by case and layout; each has its own copy of its network."""
    folded = fuse(copy.deepcopy(network))
    passes: dict[Key, Pass] = {}
    for layout, memory_format in LAYOUTS.items():
        images = x.contiguous(memory_format=memory_format)
        plain, plain_folded, single, multi = (
            copy.deepcopy(module).to(memory_format=memory_format) for module in (network, folded, converted, converted)
        )
        passes["ann", layout] = partial(plain, images)
        passes["ann_bn_folded", layout] = partial(plain_folded, images)
        passes["snn_step_mode_s", layout] = single_step_pass(single, images, steps)
        passes["snn_step_mode_m", layout] = multi_step_pass(multi, images, steps)
    return passes
