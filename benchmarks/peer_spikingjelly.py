"""Times the network SpikingJelly 2.0.0 converts, in SpikingJelly's own environment.

    benchmarks/create_peer_environment.sh
    .venv-spikingjelly/bin/python benchmarks/peer_spikingjelly.py \
        --network resnet18-cifar --steps 8 --batch 16 --threads 2 --repeats 5 --seed 0

Prints one JSON object on standard output (times in seconds per pass over one batch, memory in
MiB). How the peer is run stands in peer_network.py. Every case runs under ``inference_mode`` in
the contiguous and in the channels-last layout, and the faster of the two is the one to compare
with: the peer gets its best layout. The cases take turns within each repeat, so that a slow
moment of the machine falls on all of them alike.

``--serve`` lets another process set the pace (run.py does): one JSON line with versions, spikes
and the layouts chosen; then, for each line ``ann``, ``s`` or ``m`` on standard input, one pass
and one JSON line with its seconds; the end at the end of the input.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import json
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from machine import describe, peak_increase
from networks import NETWORKS, inputs
from peer_network import Key, Pass, build_passes, convert, firing_rates, single_step_pass
from rounds import stopwatch, take_turns

SERVED = {"ann": ("ann", "ann_bn_folded"), "s": ("snn_step_mode_s",), "m": ("snn_step_mode_m",)}
"""The cases that stand behind a name of ``--serve``; the fastest of them and of their layouts runs."""
CHOICE_REPEATS = 2
"""Passes of each case and layout, after one to warm up, from which ``--serve`` chooses."""


@dataclass(frozen=True)
class Built:
    """The converted network and its passes."""

    converted: nn.Module
    x: Tensor
    passes: dict[Key, Pass]
    conversion_seconds: float


def build(options: argparse.Namespace) -> Built:
    """Make the network, convert it, and make the passes."""
    network = NETWORKS[options.network](options.seed)
    x = inputs(options.batch, options.seed)
    # Seeds apart from that of x: the thresholds are not calibrated on the timed batch.
    seeds = range(options.seed + 1, options.seed + 1 + options.calibration_batches)
    start = time.perf_counter()
    converted = convert(network, [inputs(options.batch, seed) for seed in seeds], options.mode)
    seconds = time.perf_counter() - start
    return Built(converted, x, build_passes(network, converted, x, options.steps), seconds)


@torch.inference_mode()
def measure(built: Built, options: argparse.Namespace, machine: dict[str, Any]) -> dict[str, Any]:
    """Check that spikes flow, then take memory and times of every case."""
    spikes = firing_rates(built.converted, single_step_pass(built.converted, built.x, options.steps))
    outputs = {key: run() for key, run in built.passes.items()}  # the warm-up too
    memory = {key: peak_increase(run) for key, run in built.passes.items()}
    timers = {key: stopwatch(run) for key, run in built.passes.items()}
    seconds = take_turns(timers, options.repeats, warm_up=False)
    results = summaries(seconds, memory)
    ann_seconds = min(results[case]["median_seconds"] for case in ("ann", "ann_bn_folded"))
    return {
        "benchmark": "peer_spikingjelly",
        "arguments": vars(options),
        "versions": versions(),
        "machine": {**machine, "threads": torch.get_num_threads()},
        "conversion": {
            "recipe": "RateCodingRecipe",
            "mode": options.mode,
            "fuse_flag": True,
            "calibration_images": options.batch * options.calibration_batches,
            "seconds": built.conversion_seconds,
        },
        "spikes": spikes,
        "agreement": agreement(outputs),
        "results": results,
        "ratio_to_best_ann": {
            case: results[case]["median_seconds"] / ann_seconds for case in ("snn_step_mode_s", "snn_step_mode_m")
        },
    }


def summaries(seconds: dict[Key, list[float]], memory: dict[Key, float | None]) -> dict[str, dict[str, Any]]:
    """Per case its layouts, with the name and times of the one whose median is lowest."""
    cases: dict[str, dict[str, dict[str, Any]]] = {}
    for (case, layout), times in seconds.items():
        cases.setdefault(case, {})[layout] = {
            "median_seconds": statistics.median(times),
            "seconds": times,
            "peak_rss_increase_mib": memory[case, layout],
        }
    return {case: _summary(layouts) for case, layouts in cases.items()}


def _summary(layouts: dict[str, dict[str, Any]]) -> dict[str, Any]:
    best = min(layouts, key=lambda name: layouts[name]["median_seconds"])
    return {
        "best_layout": best,
        "median_seconds": layouts[best]["median_seconds"],
        "minimum_seconds": min(layouts[best]["seconds"]),
        "peak_rss_increase_mib": layouts[best]["peak_rss_increase_mib"],
        "layouts": layouts,
    }


def agreement(outputs: dict[Key, Tensor]) -> dict[str, float]:
    """How far the outputs of the step modes lie apart, and from the ANN."""
    single, multi, ann = (outputs[case, "contiguous"] for case in ("snn_step_mode_s", "snn_step_mode_m", "ann"))
    return {
        "largest_difference_step_modes": float((single - multi).abs().max()),
        "largest_difference_to_ann": float((single - ann).abs().max()),
        "largest_ann_output": float(ann.abs().max()),
    }


@torch.inference_mode()
def serve(built: Built, options: argparse.Namespace) -> None:
    """Answer each name of ``SERVED`` on standard input with the seconds of one pass."""
    spikes = firing_rates(built.converted, single_step_pass(built.converted, built.x, options.steps))
    timers = {key: stopwatch(run) for key, run in built.passes.items()}
    trial = take_turns(timers, CHOICE_REPEATS, warm_up=True)
    chosen = {
        name: min((key for key in timers if key[0] in cases), key=lambda key: min(trial[key]))
        for name, cases in SERVED.items()
    }
    choice = {name: {"case": key[0], "layout": key[1]} for name, key in chosen.items()}
    _answer({"versions": versions(), "threads": torch.get_num_threads(), "spikes": spikes, "chosen": choice})
    for line in sys.stdin:
        _answer({"seconds": timers[chosen[line.strip()]]()})


def _answer(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


def versions() -> dict[str, str]:
    packages = {name: importlib.metadata.version(name) for name in ("spikingjelly", "torch", "numpy")}
    return {"python": platform.python_version(), **packages}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=sorted(NETWORKS), default="resnet18-cifar")
    parser.add_argument("--steps", type=int, default=8, help="time steps T")
    parser.add_argument("--batch", type=int, default=16, help="images per pass")
    parser.add_argument("--threads", type=int, default=2, help="compute threads of torch")
    parser.add_argument("--repeats", type=int, default=5, help="timed passes of each case")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, input and calibration")
    parser.add_argument("--mode", default="99.9%", help="threshold rule: 'Max', 'P%%' or a fraction")
    parser.add_argument("--calibration-batches", type=int, default=4)
    parser.add_argument("--serve", action="store_true", help="time the passes named on standard input")
    options = parser.parse_args()
    for name in ("steps", "batch", "threads", "repeats", "calibration_batches"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    return options


def main() -> None:
    options = parse()
    torch.set_num_threads(options.threads)
    machine = describe()
    with contextlib.redirect_stdout(sys.stderr):  # standard output belongs to the answers
        built = build(options)
    if options.serve:
        serve(built, options)
    else:
        print(json.dumps(measure(built, options, machine), indent=2))


if __name__ == "__main__":
    main()
