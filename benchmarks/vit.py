"""A vision transformer with a site in front of every product: time and memory of a collapsed run beside the ANN's.

    python benchmarks/vit.py --out benchmarks/results/vit.json

torchvision's ViT-B/16 with random weights, `BitCoded(bits=7)`, ``sites="products"``, a batch of 8, one thread. In every
round the model and the compiled network run once each, the answer alone and with the spikes of every site counted;
ratios of processor time are taken within a round. Peak memory is taken in a process for each of them. The digest of the
answers shows whether another version computes the same.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

import isospike as iso
from machine import describe, peak_increase
from memory import ALLOCATORS
from rounds import medians, ratio, stopwatch, take_turns

BATCH, BITS = 8, 7
ANN = "ann"
CASES = {"collapsed": iso.Record(outputs=False, spikes=False), "collapsed, counts": iso.Record(outputs=False)}
"""The reference, and by case what is recorded."""
BARS = {"time": 1.5, "memory": 1.3}


def vit() -> tuple[nn.Module, Tensor]:
    """The model, whose head is not zero as torchvision's is at first, and the images."""
    torch.manual_seed(0)
    model = torchvision.models.vit_b_16(weights=None).eval()
    nn.init.normal_(model.heads.head.weight, std=0.02)
    return model, torch.randn(BATCH, 3, 224, 224)


def runs(network: Path) -> dict[str, Callable[[], Tensor]]:
    """What is compared; each gives its logits."""
    model, x = vit()
    compiled = iso.compile(iso.load(network))
    found = {name: lambda record=record: compiled.run(x, record=record).output for name, record in CASES.items()}
    return {ANN: lambda: model(x), **found}


def timed(network: Path, rounds: int) -> dict[str, Any]:
    given = runs(network)
    # seconds of the processor, which other processes change less than those of the clock
    timers = {name: stopwatch(run, time.process_time) for name, run in given.items()}
    seconds = take_turns(timers, rounds, warm_up=True)
    return {
        "seconds": seconds,
        "median_seconds": medians(seconds),
        "over_ann": {name: ratio(seconds[name], seconds[ANN]) for name in CASES},
        "sha256": {name: hashlib.sha256(run().numpy().tobytes()).hexdigest() for name, run in given.items()},
    }


def memory(network: Path) -> dict[str, Any]:
    """MiB by which a run raises the peak, by allocator and case."""
    found: dict[str, dict[str, float]] = {}
    for allocator, variables in ALLOCATORS.items():
        for name in (ANN, *CASES):
            command = [sys.executable, __file__, "--peak", name, "--network", str(network)]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env={**os.environ, **variables})
            found.setdefault(allocator, {})[name] = json.loads(done.stdout)
    return {
        "peak_increase_mib": found,
        "over_ann": {a: {name: peaks[name] / peaks[ANN] for name in CASES} for a, peaks in found.items()},
    }


def peak(network: Path, name: str) -> float | None:
    """Of a second run, when what stays from one to the next is there."""
    run = runs(network)[name]
    run()
    return peak_increase(run)


def measured(rounds: int) -> dict[str, Any]:
    model, x = vit()
    with tempfile.TemporaryDirectory() as folder:
        network = Path(folder) / "vit.snn"
        snn = iso.convert(
            model, iso.methods.BitCoded(bits=BITS), data=[x], sites="products", analogue="allow", progress=False
        )
        snn.save(network)
        return {"sites": len(snn.sites), "time": timed(network, rounds), "memory": memory(network)}


def table(found: dict[str, Any]) -> str:
    """By case the median of the ratios, the rounds, and the peak with both allocators."""
    lines = [
        "| | processor time / ANN | rounds | peak memory / ANN | every tensor a mapping |",
        "|---|---:|---:|---:|---:|",
    ]
    for name in CASES:
        times, peaks = found["time"]["over_ann"][name], found["memory"]["over_ann"]
        spread = f"{min(times['rounds']):.2f} to {max(times['rounds']):.2f}"
        shares = " | ".join(f"{peaks[allocator][name]:.2f}" for allocator in ALLOCATORS)
        lines.append(f"| {name} | {times['median']:.2f} | {spread} | {shares} |")
    return "\n".join(lines)


@torch.inference_mode()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--network", type=Path, help="a network that was saved, for --peak")
    parser.add_argument("--peak", choices=[ANN, *CASES], help="measure the memory of one case in this process")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    if wanted.peak is not None:
        print(json.dumps(peak(wanted.network, wanted.peak)))
        return
    header = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {**describe(), "instructions": torch.backends.cpu.get_cpu_capability()},
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "bars": BARS,
        "batch": BATCH,
        "bits": BITS,
    }
    found = {**header, **measured(wanted.rounds)}
    wanted.out.write_text(json.dumps(found, indent=1) + "\n")
    print(table(found))


if __name__ == "__main__":
    main()
