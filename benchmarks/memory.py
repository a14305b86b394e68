"""Extra peak memory of one simulation, each in a fresh process, to show that a budget bounds it whatever T.

run.py calls this file as a script: ``python benchmarks/memory.py NET.snn --steps 32 ...`` prints
one JSON object. Every case is taken under two settings of the C allocator: ``mapped``, where every
large tensor is a mapping of its own that goes back to the system when it is freed, and ``default``,
which a user gets. The bars hold for ``mapped``: that is the memory the simulation has in use. What
``default`` needs beyond it is freed memory that glibc keeps; it differs from process to process and
is listed beside, without a bar.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path
from typing import Any

import torch

import isospike as iso
from isospike.executors import Run, executors
from isospike.executors.program import compile_program
from isospike.executors.streaming import StreamingExecutor
from machine import peak_increase
from networks import inputs

STEPS = (8, 32, 128)
EXECUTORS = ("layer", "step")
ALLOCATORS = {"default": {}, "mapped": {"MALLOC_MMAP_THRESHOLD_": str(64 * 2**10)}}
"""Environment variables of glibc; a fixed threshold is one that does not grow with the sizes freed."""


def measure(snn: iso.SNN, options: argparse.Namespace) -> dict[str, Any]:
    """Peak increase of every allocator, executor and T in ``STEPS``, one process each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.snn"
        snn.save(path)
        shared = {name: getattr(options, name) for name in ("batch", "threads", "seed", "memory")}
        runs = [
            _in_a_fresh_process(path, allocator, {**shared, "executor": executor, "steps": steps})
            for allocator, executor, steps in product(ALLOCATORS, EXECUTORS, STEPS)
        ]
    return {"budget_mib": options.memory, "runs": runs}


def _in_a_fresh_process(path: Path, allocator: str, settings: dict[str, Any]) -> dict[str, Any]:
    arguments = [part for name, value in settings.items() for part in (f"--{name}", str(value))]
    command = [sys.executable, __file__, str(path), *arguments]
    environment = {**os.environ, **ALLOCATORS[allocator]}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return {"allocator": allocator, **json.loads(done.stdout)}


def measure_here(options: argparse.Namespace) -> dict[str, Any]:
    """Load the network, warm up with the same run, then take the peak of one run."""
    snn, x = iso.load(options.network), inputs(options.batch, options.seed)

    def simulate() -> Run:
        return iso.simulate(
            snn,
            x,
            steps=options.steps,
            record=iso.Record(outputs=False),
            executor=options.executor,
            memory_budget=options.memory << 20,
        )

    state = _state_bytes(simulate())
    step_bytes = compile_program(snn.graph, constant_input=True).step_elements * len(x) * x.element_size()
    executor = executors[options.executor]
    assert isinstance(executor, StreamingExecutor)
    chunk = executor.steps_at_once(step_bytes, options.memory << 20)
    return {
        "executor": options.executor,
        "steps": options.steps,
        "steps_at_once": min(options.steps, chunk),
        "state_mib": state / 2**20,
        "peak_rss_increase_mib": peak_increase(simulate),
    }


def _state_bytes(run: Run) -> int:
    """Bytes of the membrane potentials, which a run holds from its first step to its last."""
    assert run.state is not None
    return sum(tensor.nbytes for memory in run.state.memory.values() for tensor in memory.values())


def bars(memory: dict[str, Any]) -> dict[str, Any]:
    """The two claims: bounded by budget and state, and the same for every T that fills the chunk.

    A T below the chunk that the budget allows needs less memory, so it says nothing about growth with T.
    """
    layer = [run for run in memory["runs"] if (run["allocator"], run["executor"]) == ("mapped", "layer")]
    runs = [run for run in layer if run["peak_rss_increase_mib"] is not None]
    shares = [run["peak_rss_increase_mib"] / (memory["budget_mib"] + run["state_mib"]) for run in runs]
    largest = max((run["steps_at_once"] for run in runs), default=0)
    full = [run["peak_rss_increase_mib"] for run in runs if run["steps_at_once"] == largest]
    growth = max(full) / min(full) if len(full) > 1 else None
    return {
        "memory_over_budget_and_state": _at_most(1.1, max(shares, default=None)),
        "memory_growth_with_steps": _at_most(1.1, growth),
    }


def _at_most(bar: float, measured: float | None) -> dict[str, Any]:
    return {"bar": bar, "better": "lower", "measured": measured, "met": None if measured is None else measured <= bar}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", type=Path, help="a .snn file")
    for name in ("steps", "batch", "threads", "seed"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--memory", type=int, required=True, help="budget in MiB")
    parser.add_argument("--executor", choices=EXECUTORS, required=True)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(json.dumps(measure_here(options)))


if __name__ == "__main__":
    main()
