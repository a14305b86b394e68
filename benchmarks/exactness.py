"""Random networks with accumulate-then-emit neurons: wrong codes and spikes, and what a collapsed run costs.

    python benchmarks/exactness.py
    python benchmarks/exactness.py --networks 20 --out exactness.json

For every network: codes and spikes of the stepped and the collapsed run against the quantised ANN, in float64 and in
float32, and on the binary grid also the outputs, bit for bit. Then ratios of process time on CIFAR ResNets: a run of
each executor over one pass of the quantised ANN, in turns.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

import isospike as iso
from isospike.errors import ConversionError
from isospike.files import check_writable, replacing
from isospike.network import Profile, network_of
from isospike.refine import put_on_grid
from machine import describe
from networks import NETWORKS, inputs  # of benchmarks, the first on the path
from random_networks import random_snn

METHODS = (iso.methods.BitCoded(bits=4), iso.methods.BitCoded(bits=8), iso.methods.Pascal(levels=8))
RESNETS = ["resnet18-cifar", "resnet20-cifar"]


def main() -> None:
    options = parse()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    check_writable(options.out)
    torch.set_num_threads(options.threads)
    measured = {name: ratios(options, name) for name in options.network}
    result = {**header(options), "networks": exactness(options), "ratios": measured}
    with replacing(options.out) as part:
        part.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({"networks": result["networks"], "ratios": result["ratios"]}, indent=2))


def exactness(options: argparse.Namespace) -> dict[str, Any]:
    """Sums over the networks, by number format."""
    found: dict[str, Any] = {name: _nothing() for name in ("float64", "float32", "grid")}
    for number in range(options.networks):
        choices = random.Random(options.seed + number)
        graph, snn, x = random_snn(lambda among, choices=choices: choices.choice(list(among)))
        for dtype in (torch.float64, torch.float32):
            _add(found[str(dtype).removeprefix("torch.")], iso.verify(graph, snn, [x], dtype=dtype))
        try:
            grid = put_on_grid(snn.graph, x.abs().max().item())
        except ConversionError:
            found["grid"]["refused"] += 1
        else:
            _add(found["grid"], iso.verify(graph, network_of(grid, Profile(snn.provenance)), [x]))
        print(f"\r{number + 1} of {options.networks} networks", end="", file=sys.stderr, flush=True)
    return found


def _nothing() -> dict[str, Any]:
    names = ("networks", "exact", "refused", "codes", "wrong_codes", "wrong_spikes")
    return {**dict.fromkeys(names, 0), "largest_output_error": 0.0}


def _add(total: dict[str, Any], found: iso.Certificate) -> None:
    total["networks"] += 1
    total["exact"] += found.exact
    for name in ("codes", "wrong_codes", "wrong_spikes"):
        total[name] += sum(getattr(site, name) for site in found.sites)
    total["largest_output_error"] = max(total["largest_output_error"], found.output_error)


@torch.no_grad()
def ratios(options: argparse.Namespace, network: str) -> dict[str, Any]:
    """Median over rounds of process time over that of one pass of the quantised ANN, in turns."""
    x = inputs(options.batch, options.seed).contiguous(memory_format=torch.channels_last)
    graph, found = iso.capture(NETWORKS[network](options.seed), x[:2]), {}
    for method in METHODS:
        snn = iso.convert(graph, method, data=[inputs(options.batch, options.seed + 1)])
        cases: dict[str, Callable[[], object]] = {
            "quantised_ann": partial(snn.graph, x),
            "answer_only": partial(snn, x),
            "collapsed": partial(iso.simulate, snn, x),
            "stepped": partial(iso.simulate, snn, x, executor="stepped"),
        }
        seconds = _in_turns(cases, options.rounds)
        one = seconds.pop("quantised_ann")
        shares = {name: [a / b for a, b in zip(times, one, strict=True)] for name, times in seconds.items()}
        entry: dict[str, Any] = {"steps": snn.times.steps, "quantised_ann_seconds": statistics.median(one)}
        found[repr(method)] = entry | {name: statistics.median(values) for name, values in shares.items()}
    return found


def _in_turns(cases: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    seconds: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(rounds + 1):  # the first warms up
        for name, run in cases.items():
            started = time.process_time()
            run()
            if turn:
                seconds[name].append(time.process_time() - started)
    return seconds


def header(options: argparse.Namespace) -> dict[str, Any]:
    """What was run, with what, where and when."""
    return {
        "benchmark": "exactness",
        "command": shlex.join(["python", "benchmarks/exactness.py", *sys.argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"isospike": iso.__version__, "torch": torch.__version__, "python": platform.python_version()},
        "machine": {**describe(), "threads": options.threads},
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=200, help="random networks")
    parser.add_argument("--seed", type=int, default=0, help="seed of the first network")
    parser.add_argument("--network", nargs="+", choices=sorted(NETWORKS), default=RESNETS, help="for the ratios")
    parser.add_argument("--batch", type=int, default=16, help="images in a pass")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count")
    parser.add_argument("--threads", type=int, default=1, help="compute threads of torch")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/exactness.json"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
