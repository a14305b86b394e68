"""SpikingJelly in its own environment, driven pass by pass from this process."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from rounds import Timer

SCRIPT = Path(__file__).with_name("peer_spikingjelly.py")
MAKE_ENVIRONMENT = "benchmarks/create_peer_environment.sh"
CASES = ("ann", "s", "m")
MEMORY_STEPS = 8


class Peer:
    """A process of ``peer_spikingjelly.py --serve``; a context manager that ends it.

    Args:
        python: interpreter of the peer's environment.
        arguments: command line arguments common with the peer (network, steps, batch, threads, seed).

    Raises:
        RuntimeError: the process ended without an answer; its own message stands on standard error.
    """

    def __init__(self, python: Path, arguments: list[str]) -> None:
        command = [str(python), str(SCRIPT), "--serve", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.description = self._answer()

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def timers(self) -> dict[str, Timer]:
        """One timer per case; the seconds are taken in the peer's process."""
        return {f"peer_{case}": partial(self._run, case) for case in CASES}

    def _run(self, case: str) -> float:
        assert self.process.stdin is not None
        self.process.stdin.write(case + "\n")
        self.process.stdin.flush()
        return float(self._answer()["seconds"])

    def _answer(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the peer ended without an answer (exit status {self.process.wait()})")
        answer: dict[str, Any] = json.loads(line)
        return answer


def memory(python: Path, arguments: list[str]) -> dict[str, Any]:
    """MiB by which one pass of each step mode raises the peer's peak memory, its leanest layout, at T = 8."""
    command = [str(python), str(SCRIPT), *arguments, "--steps", str(MEMORY_STEPS), "--repeats", "1"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, check=True)
    results = json.loads(done.stdout)["results"]
    return {"steps": MEMORY_STEPS, **{mode: _leanest(results[f"snn_step_mode_{mode}"]) for mode in ("s", "m")}}


def _leanest(result: dict[str, Any]) -> float | None:
    peaks = [layout["peak_rss_increase_mib"] for layout in result["layouts"].values()]
    return None if None in peaks else min(peaks)
