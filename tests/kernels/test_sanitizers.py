"""No kernel reads or writes outside its arrays or does what C leaves undefined, in any build this machine can run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from isospike.kernels import availability, library

pytestmark = [
    pytest.mark.skipif(availability() is not None, reason=f"no native kernels: {availability()}"),
    pytest.mark.skipif("ATEN_CPU_CAPABILITY" in os.environ, reason="all builds are run without ATEN_CPU_CAPABILITY"),
]
BUILDS = {"AVX512": ["AVX512", "AVX2"], "AVX2": ["AVX2"]}


def runtimes() -> list[str]:
    """The sanitizers of the compiler."""
    paths = []
    for name in ("libasan.so", "libubsan.so"):
        command = [library._compiler(), f"-print-file-name={name}"]
        paths.append(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip())
    if not all(map(os.path.isabs, paths)):  # a compiler that has no such library gives the bare name back
        pytest.skip(f"{library._compiler()} has no sanitizers")
    return paths


def test_kernels_under_the_sanitizers(tmp_path):
    builds = BUILDS[torch.backends.cpu.get_cpu_capability()]
    environment = {
        **os.environ,
        "LD_PRELOAD": " ".join(runtimes()),
        "ASAN_OPTIONS": "detect_leaks=0",  # those of Python, which frees little at its end
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
        "XDG_CACHE_HOME": str(tmp_path),
    }
    command = [sys.executable, str(Path(__file__).with_name("sanitized.py")), str(tmp_path), *builds]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr[-4000:]
    clean = [f"clean: {build} {dtype}" for build in builds for dtype in library.TYPES]
    assert done.stdout.splitlines() == [*clean, "found: read_past to_number"]
    assert "AddressSanitizer: heap-buffer-overflow" in done.stderr
    assert "runtime error: inf is outside the range" in done.stderr
