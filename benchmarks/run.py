"""Measures speed, memory and calibration of isospike beside SpikingJelly, in one run.

    benchmarks/create_peer_environment.sh      # once; without it the peer is left out
    python benchmarks/run.py
    python benchmarks/table.py benchmarks/results/speed.json

What is measured and how to read it stands in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import platform
import shlex
import sys
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import nn

import calibration
import isospike as iso
import memory
import peer_client
import speed
from isospike.executors import DEFAULT_MEMORY_BUDGET
from isospike.files import check_writable, replacing
from machine import describe
from networks import NETWORKS, inputs
from peer_client import Peer

CALIBRATION_BATCHES = 4
NO_PEER = f"SpikingJelly's environment is missing; make it with {peer_client.MAKE_ENVIRONMENT} and run again"


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Every section of the result, the timed ones first."""
    model = NETWORKS[options.network](options.seed)
    snn = convert(model, options)
    say("speed")
    with open_peer(options) as peer:
        timed = speed.measure(snn, peer, options)
        description = None if peer is None else peer.description
    say("sweep over T")
    swept = speed.sweep(snn, options)
    say("calibration")
    calibrated = calibration.measure(model, options)
    say("memory")
    remembered = memory.measure(snn, options)
    remembered["peer"] = None if description is None else peer_client.memory(options.peer_python, shared(options))
    return {
        "spikes": speed.spike_rate(snn, options),
        "method": {"name": snn.provenance.method, "options": snn.provenance.options},
        "peer": description,
        "peer_missing": NO_PEER if description is None else None,
        "speed": timed,
        "sweep": swept,
        "calibration": calibrated,
        "memory": remembered,
        "bars": {**speed.bars(timed), **calibration.bars(calibrated), **memory.bars(remembered)},
    }


def convert(model: nn.Module, options: argparse.Namespace) -> iso.SNN:
    """The network with percentile thresholds, calibrated on the same noise as the peer's."""
    seeds = range(options.seed + 1, options.seed + 1 + CALIBRATION_BATCHES)
    return iso.convert(model, iso.methods.Percentile(), data=[inputs(options.batch, seed) for seed in seeds])


def open_peer(options: argparse.Namespace) -> AbstractContextManager[Peer | None]:
    """The peer's process, or nothing where its environment was not made."""
    if not options.peer_python.exists():
        say(NO_PEER)
        return nullcontext()
    steps = ["--steps", str(options.steps), "--calibration-batches", str(CALIBRATION_BATCHES)]
    return Peer(options.peer_python, [*shared(options), *steps])


def shared(options: argparse.Namespace) -> list[str]:
    """The arguments that the peer has in common."""
    names = ("network", "batch", "threads", "seed")
    return [part for name in names for part in (f"--{name}", str(getattr(options, name)))]


def header(options: argparse.Namespace) -> dict[str, Any]:
    """What was run, with what, where and when."""
    arguments = {name: str(value) if isinstance(value, Path) else value for name, value in vars(options).items()}
    return {
        "benchmark": "speed",
        "command": shlex.join(["python", "benchmarks/run.py", *sys.argv[1:]]),
        "arguments": arguments,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"isospike": iso.__version__, "torch": torch.__version__, "python": platform.python_version()},
        "machine": {**describe(), "threads": torch.get_num_threads()},
    }


def say(message: str) -> None:
    """Progress, away from standard output."""
    print(message, file=sys.stderr, flush=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", choices=sorted(NETWORKS), default="resnet18-cifar")
    parser.add_argument("--steps", type=int, default=8, help="time steps T")
    parser.add_argument("--batch", type=int, default=16, help="images per pass")
    parser.add_argument("--threads", type=int, default=2, help="compute threads of torch, in each process")
    parser.add_argument("--repeats", type=int, default=5, help="rounds that count, after one to warm up")
    parser.add_argument("--seed", type=int, default=0, help="seed of weights, input and calibration")
    parser.add_argument("--memory", type=int, default=DEFAULT_MEMORY_BUDGET >> 20, help="budget of layer in MiB")
    parser.add_argument("--peer-python", type=Path, default=Path(".venv-spikingjelly/bin/python"))
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/speed.json"))
    options = parser.parse_args()
    for name in ("steps", "batch", "threads", "repeats", "memory"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} must be at least 1")
    return options


def main() -> None:
    options = parse()
    options.out.parent.mkdir(parents=True, exist_ok=True)
    check_writable(options.out)
    torch.set_num_threads(options.threads)
    result = {**header(options), **measure(options)}
    with replacing(options.out) as part:
        part.write_text(json.dumps(result, indent=2) + "\n")
    say(f"wrote {options.out}; print it with: python benchmarks/table.py {options.out}")


if __name__ == "__main__":
    main()
