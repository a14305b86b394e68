"""Runs every kernel under ASan and UBSan: a process of its own, because the sanitizers must be loaded first.

The kernels are called through the functions that the executors call, so their memory is that of torch's tensors, each
with a guarded zone behind it. Any finding ends the process with the sanitizer's report. Prints one line per build.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from isospike.errors import SimulationError
from isospike.kernels import (
    Rounding,
    SparseConvolution,
    TrackerRule,
    code_histogram,
    library,
    sparse_convolution,
    track,
    tracker,
)

CHECKS = ("-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined,float-cast-overflow")
PLANTED = """
#include <stdint.h>
int32_t to_number(double x) { return (int32_t)x; }
double read_past(const double *x, int64_t n) { return x[n]; }
"""
STRANGE = (float("inf"), float("-inf"), float("nan"), 3e38, -1e30, 1e-45, 2.0**31, -0.0)


def random(*shape: int, density: float = 1.0) -> Tensor:
    x = torch.randn(shape) * (torch.rand(shape) < density)
    x.view(-1)[: len(STRANGE)] = torch.tensor(STRANGE)[: x.numel()]
    return x


def layers() -> list[tuple[nn.Module, Tensor]]:
    return [
        (nn.Linear(1, 1), random(1, 1)),
        (nn.Linear(70, 33), random(9, 70, density=0.3)),
        (nn.Linear(16, 130, bias=False), random(3, 5, 16)),
        (nn.Conv1d(5, 64, 3, padding=2), random(2, 5, 9)),
        (nn.Conv1d(17, 31, 2, stride=3, dilation=2), random(3, 17, 10, density=0)),
        (nn.Conv2d(3, 65, 3, padding=1), random(1, 3, 7, 8)),
        (nn.Conv2d(16, 64, (1, 3), stride=(2, 1), padding=(0, 2), dilation=(1, 2)), random(7, 16, 8, 7, density=0.1)),
        (nn.Conv2d(33, 1, (7, 5)), random(4, 33, 7, 10)),
        (nn.Conv2d(31, 129, 3, bias=False), random(2, 31, 9, 9, density=0.5)),
    ]


def convolutions(dtype: torch.dtype) -> None:
    for (module, x), tile in itertools.product(layers(), (1, 2**17)):
        sparse_convolution.TILE_ELEMENTS = tile
        module, x = module.to(dtype), x.to(dtype)
        assert SparseConvolution(module)(x).shape == module(x).shape
        whole = torch.randint(0, 3, x.shape).to(dtype)
        dense = module(whole)
        assert (
            SparseConvolution(module)(whole) - dense
        ).abs().max() <= 1e-5 * dense.abs().max()  # order of 1,155 terms


def histograms(dtype: torch.dtype) -> None:
    for shape, levels in itertools.product([(1, 1), (3, 5), (2, 1027), (2, 3, 5, 7)], [1, 15, 65535]):
        codes = torch.randint(0, levels + 1, shape).to(dtype)
        assert code_histogram(codes, levels).sum() == codes.numel()
        for strange in (*STRANGE[:-3], levels + 1.0, -1.0):
            codes.view(-1)[-1] = strange
            try:
                code_histogram(codes, levels)
            except SimulationError:
                continue
            raise AssertionError(f"{strange} was counted as a code")


POWER = Rounding.TO_POWER
RULES = [
    *(TrackerRule(1, 0), TrackerRule(15, 0), TrackerRule(1, 1), TrackerRule(7, 7), TrackerRule(15, 15, digits=True)),
    *(TrackerRule(8, 0, powers_of_two=True), TrackerRule(8, 8, powers_of_two=True), TrackerRule(8, 8, POWER, True)),
    TrackerRule(1, 1, Rounding.TOWARDS_ZERO),
]
"""Integrate-and-fire, burst, buffered, graded, in binary digits; powers of two up and back; signed memory."""


def neurons(dtype: torch.dtype) -> None:
    tracker.SMALLEST_PART = 64  # threads share small layers too
    sizes, schedules = [(3, 2, 1), (2, 3, 513), (4, 1, 2, 17, 33)], (0, 1, None)
    choices = itertools.product(RULES, (False, True), sizes, (0.0, 1e-45, 0.7), schedules)
    for rule, signed, size, theta, schedule in choices:
        x = random(*size).to(dtype)
        v, n = torch.zeros_like(x[0]), torch.zeros_like(x[0]) if rule.down and not signed else None
        threshold = torch.full(size[2:], theta, dtype=dtype)
        biases = None if schedule is None else random(schedule or len(x), *size[2:]).to(dtype)
        counts = track(x, torch.empty_like(x), v, n, threshold, biases, rule)
        assert (counts >= 0).all()
        assert (counts[0] <= rule.up * v[0].numel()).all()


def is_found(call: str) -> bool:
    """Whether a planted fault ends a process: else the sanitizers see nothing."""
    child = os.fork()
    if not child:
        loaded, x = library.load_library(torch.float32), torch.zeros(3, dtype=torch.float64)
        if call == "read_past":
            loaded.read_past(ctypes.c_void_p(x.data_ptr()), ctypes.c_int64(3))
        else:
            loaded.to_number(ctypes.c_double(float("inf")))
        os._exit(0)
    return os.waitpid(child, 0)[1] != 0


def main(folder: Path, capabilities: list[str]) -> None:
    os.environ.pop("LD_PRELOAD")  # the compiler runs without the sanitizers
    planted = folder / "planted.c"
    planted.write_text(PLANTED)
    library.SOURCES = (*library.SOURCES, planted)
    library.FLAGS = (*(flag for flag in library.FLAGS if not flag.startswith("-O")), *CHECKS)
    torch.manual_seed(0)
    for capability, threads in zip(capabilities, (3, 1), strict=False):
        torch.backends.cpu.get_cpu_capability = lambda chosen=capability: chosen
        torch.set_num_threads(threads)
        library.outcome.cache_clear()
        for dtype in library.TYPES:
            assert isinstance(library.outcome(dtype), ctypes.CDLL), library.outcome(dtype)
            with torch.no_grad():
                convolutions(dtype)
                histograms(dtype)
                neurons(dtype)
            print("clean:", capability, dtype, flush=True)
    print("found:", *(call for call in ("read_past", "to_number") if is_found(call)))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
