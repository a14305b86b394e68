"""Compiles the C sources with the local compiler, once per machine and version, and loads them."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import platformdirs
import torch

from isospike.errors import IsospikeError, NativeError
from isospike.files import replacing

SOURCES = tuple(sorted(Path(__file__).parent.glob("*.c")))
FLAGS = ("-O3", "-std=gnu11", "-fPIC", "-fopenmp")
CAPABILITIES = {
    "AVX512": ("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma"),
    "AVX2": ("-mavx2", "-mfma"),
}
"""Processor capability, as torch names it -> flags. Others were never measured and stay with torch."""
TYPES = {torch.float32: ("-DREAL=float", "-DREAL_IS_FLOAT"), torch.float64: ("-DREAL=double",)}
"""Type of the network -> flags."""
OWN_FLAGS = {"tracker": ("-ffp-contract=off", "-fno-trapping-math")}
"""Further flags of single sources, by stem. The second one changes no value; gcc rounds vectors down only with it."""
COMPILE_SECONDS = 120


@functools.cache
def outcome(dtype: torch.dtype) -> ctypes.CDLL | NativeError:
    """The kernels, or why there are none: neither is found out twice in one process."""
    try:
        return load(dtype)
    except NativeError as error:
        return error


def load(dtype: torch.dtype) -> ctypes.CDLL:
    """The kernels for one type, compiled if need be.

    Raises:
        NativeError: this processor or type has no kernels, there is no compiler, or it fails.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    if capability not in CAPABILITIES:
        raise NativeError(f"the native kernels need a processor with AVX2 or AVX-512; torch reports {capability}")
    if dtype not in TYPES:
        raise NativeError(f"the native kernels compute in float32 and float64, not in {dtype}")
    try:
        loaded = ctypes.CDLL(str(_compiled((*FLAGS, *CAPABILITIES[capability], *TYPES[dtype]))))
    except OSError as error:
        raise NativeError(f"the native kernels cannot be loaded: {error}") from error
    pointer, number, size = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
    loaded.convolve.argtypes = [pointer] * 5 + [number] * 3 + [pointer] * 3
    loaded.convolve.restype = None
    loaded.count_codes.argtypes = [pointer, size, size, number, number, pointer, pointer]
    loaded.count_codes.restype = number
    loaded.track.argtypes = [*[pointer] * 2, size, *[pointer] * 2, size, *[pointer] * 3, *[size] * 3, number, pointer]
    loaded.track.restype = None
    return loaded


def availability() -> str | None:
    """Why the native kernels do not run here; ``None`` if they do."""
    result = outcome(torch.float32)
    return str(result) if isinstance(result, NativeError) else None


def _compiled(flags: tuple[str, ...]) -> Path:
    """The library for these flags, from the user's cache or made now."""
    compiler = _compiler()
    options = "\0".join((compiler, *flags, repr(OWN_FLAGS)))
    content = b"".join(source.read_bytes() for source in SOURCES) + options.encode()
    path = platformdirs.user_cache_path("isospike") / "native" / f"{hashlib.sha256(content).hexdigest()[:24]}.so"
    if not path.is_file():
        _compile(compiler, flags, path)
    return path


def _compile(compiler: str, flags: tuple[str, ...], path: Path) -> None:
    """Compile and link; without an OpenMP library of its own, the threads are those of torch's, loaded already."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory() as folder, replacing(path) as part:
            compiled = [f"{folder}/{source.stem}.o" for source in SOURCES]
            for source, made in zip(SOURCES, compiled, strict=True):
                _run(compiler, *flags, *OWN_FLAGS.get(source.stem, ()), "-c", str(source), "-o", made)
            _run(compiler, "-shared", *compiled, "-o", str(part))
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        raise NativeError(f"{compiler} failed on the native kernels: {lines[0] if lines else error}") from error
    except (OSError, subprocess.TimeoutExpired, IsospikeError) as error:
        raise NativeError(f"the native kernels cannot be compiled: {error}") from error


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=COMPILE_SECONDS)


def _compiler() -> str:
    """Path of the compiler: ``$CC``, else the first of cc, gcc, clang."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        path = shutil.which(name) if name else None
        if path is not None:
            return path
    raise NativeError("no C compiler was found (cc, gcc, clang or $CC); install one, such as gcc")
