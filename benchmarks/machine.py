"""What a benchmark says about its machine, and how it takes peak memory; standard library only."""

from __future__ import annotations

import ctypes
import ctypes.util
import gc
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any


def describe() -> dict[str, Any]:
    """Processor, cores and the load of the last minute: near 0 on a machine that does nothing else."""
    return {
        "platform": platform.platform(),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average_before": os.getloadavg()[0],
    }


def processor() -> str:
    """The model name of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def peak_increase(run: Callable[[], object]) -> float | None:
    """MiB by which one call raises the peak resident set above the set before it.

    The kernel's high-water mark is reset first (Linux, ``/proc/self/clear_refs``), so that the
    peak of an earlier call does not hide this one's. ``None`` where the mark cannot be reset.
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
