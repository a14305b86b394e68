"""Times the network SpikingJelly 2.0.0 converts, in SpikingJelly's own environment.

    benchmarks/create_peer_environment.sh
    .venv-spikingjelly/bin/python benchmarks/peer_spikingjelly.py \
        --network resnet18-cifar --steps 8 --batch 16 --threads 2 --repeats 5 --seed 0

Prints one JSON object on standard output (times in seconds per pass over one batch, memory in
MiB). The peer is run as its documentation says:

* conversion: ``ann2snn.Converter(RateCodingRecipe(dataloader, mode="99.9%", fuse_flag=True))``,
  batch normalisation folded into the convolutions, each ``nn.ReLU`` replaced by scaler,
  ``IFNode(v_reset=None)`` and scaler, thresholds calibrated on seeded noise;
* step mode ``s``: ``reset_net``, then T calls of the network on the same input, outputs averaged;
* step mode ``m``: ``set_step_mode(net, "m")``, ``reset_net``, one call on the input repeated T
  times along dimension 0, outputs averaged over dimension 0.

Every case runs under ``inference_mode`` in the contiguous and in the channels-last layout, and
the faster of the two is the one to compare with: the peer gets its best layout. The cases take
turns within each repeat, so that a slow moment of the machine falls on all of them alike.
"""

from __future__ import annotations

import argparse
import copy
import ctypes
import ctypes.util
import gc
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from spikingjelly.activation_based import ann2snn, functional, neuron
from torch import Tensor, nn
from torch.fx.experimental.optimization import fuse

from networks import NETWORKS, inputs

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
Pass = Callable[[], Tensor]
Key = tuple[str, str]  # case, layout


def convert(network: nn.Module, calibration: Iterable[Tensor], mode: str) -> nn.Module:
    """SpikingJelly's rate-coding conversion of a copy of ``network``, in eval mode."""
    recipe = ann2snn.RateCodingRecipe(dataloader=calibration, mode=mode, fuse_flag=True)
    return ann2snn.Converter(recipe=recipe).convert(copy.deepcopy(network)).eval()


def single_step_pass(network: nn.Module, x: Tensor, steps: int) -> Pass:
    """Mean output over ``steps`` single-step calls, ``[B, classes]``, from the reset state."""
    functional.set_step_mode(network, "s")

    def run() -> Tensor:
        functional.reset_net(network)
        total = network(x)
        for _ in range(steps - 1):
            total = total + network(x)
        return total / steps

    return run


def multi_step_pass(network: nn.Module, x: Tensor, steps: int) -> Pass:
    """Mean output of one multi-step call over ``[steps, B, 3, H, W]``, from the reset state."""
    functional.set_step_mode(network, "m")

    def run() -> Tensor:
        functional.reset_net(network)
        return network(x.unsqueeze(0).repeat(steps, 1, 1, 1, 1)).mean(0)

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


def peak_increase(run: Pass) -> float | None:
    """MiB by which one pass raises the peak resident set above the set before it.

    The kernel's high-water mark is reset first (Linux, ``/proc/self/clear_refs``), so that the
    peak of an earlier pass does not hide this one's. ``None`` where the mark cannot be reset.
    """
    gc.collect()
    if (libc := ctypes.util.find_library("c")) and hasattr(ctypes.CDLL(libc), "malloc_trim"):
        ctypes.CDLL(libc).malloc_trim(0)  # give freed heap back: it would hide part of the rise
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    before = _resident_kib("VmRSS")
    run()
    return (_resident_kib("VmHWM") - before) / 1024


def _resident_kib(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise RuntimeError(f"/proc/self/status lacks {field}")


def take_turns(passes: dict[Key, Pass], repeats: int) -> dict[Key, list[float]]:
    """Seconds of every pass, ``repeats`` rounds in which each pass runs once."""
    seconds: dict[Key, list[float]] = {key: [] for key in passes}
    for _ in range(repeats):
        for key, run in passes.items():
            start = time.perf_counter()
            run()
            seconds[key].append(time.perf_counter() - start)
    return seconds


def summary(layouts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The layouts of one case with the name and times of the one whose median is lowest."""
    best = min(layouts, key=lambda name: layouts[name]["median_seconds"])
    return {
        "best_layout": best,
        "median_seconds": layouts[best]["median_seconds"],
        "minimum_seconds": min(layouts[best]["seconds"]),
        "peak_rss_increase_mib": layouts[best]["peak_rss_increase_mib"],
        "layouts": layouts,
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


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Convert, check that spikes flow, then take memory and times of every case."""
    load = os.getloadavg()[0]
    network = NETWORKS[options.network](options.seed)
    x = inputs(options.batch, options.seed)
    # Seeds apart from that of x: the thresholds are not calibrated on the timed batch.
    seeds = range(options.seed + 1, options.seed + 1 + options.calibration_batches)
    start = time.perf_counter()
    converted = convert(network, [inputs(options.batch, seed) for seed in seeds], options.mode)
    conversion_seconds = time.perf_counter() - start

    passes = build_passes(network, converted, x, options.steps)
    with torch.inference_mode():
        spikes = firing_rates(converted, single_step_pass(converted, x, options.steps))
        outputs = {key: run() for key, run in passes.items()}  # the warm-up too
        memory = {key: peak_increase(run) for key, run in passes.items()}
        seconds = take_turns(passes, options.repeats)

    cases: dict[str, dict[str, dict[str, Any]]] = {}
    for case, layout in passes:
        times = seconds[case, layout]
        cases.setdefault(case, {})[layout] = {
            "median_seconds": statistics.median(times),
            "seconds": times,
            "peak_rss_increase_mib": memory[case, layout],
        }
    results = {case: summary(layouts) for case, layouts in cases.items()}
    single, multi, ann = (outputs[case, "contiguous"] for case in ("snn_step_mode_s", "snn_step_mode_m", "ann"))
    ann_seconds = min(results[case]["median_seconds"] for case in ("ann", "ann_bn_folded"))
    return {
        "benchmark": "peer_spikingjelly",
        "arguments": vars(options),
        "versions": versions(),
        "machine": {
            "platform": platform.platform(),
            "processor": _processor(),
            "threads": torch.get_num_threads(),
            "load_average_before": load,  # over 1 min; near 0 on a machine that does nothing else
        },
        "conversion": {
            "recipe": "RateCodingRecipe",
            "mode": options.mode,
            "fuse_flag": True,
            "calibration_images": options.batch * options.calibration_batches,
            "seconds": conversion_seconds,
        },
        "spikes": spikes,
        "agreement": {
            "largest_difference_step_modes": float((single - multi).abs().max()),
            "largest_difference_to_ann": float((single - ann).abs().max()),
            "largest_ann_output": float(ann.abs().max()),
        },
        "results": results,
        "ratio_to_best_ann": {
            case: results[case]["median_seconds"] / ann_seconds for case in ("snn_step_mode_s", "snn_step_mode_m")
        },
    }


def versions() -> dict[str, str]:
    packages = {name: importlib.metadata.version(name) for name in ("spikingjelly", "torch", "numpy")}
    return {"python": platform.python_version(), **packages}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=sorted(NETWORKS), default="resnet18-cifar")
    parser.add_argument("--steps", type=int, default=8, help="time steps T")
    parser.add_argument("--batch", type=int, default=16, help="images per pass")
    parser.add_argument("--threads", type=int, default=2, help="compute threads of torch")
    parser.add_argument("--repeats", type=int, default=5, help="timed passes of each case")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, input and calibration")
    parser.add_argument("--mode", default="99.9%", help="threshold rule: 'Max', 'P%%' or a fraction")
    parser.add_argument("--calibration-batches", type=int, default=4)
    options = parser.parse_args()
    for name in ("steps", "batch", "threads", "repeats", "calibration_batches"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    torch.set_num_threads(options.threads)
    json.dump(measure(options), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
