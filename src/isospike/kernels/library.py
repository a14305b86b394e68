"""Compiles the C sources with the local compiler and loads them; `cache` keeps what was compiled."""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import torch

from isospike.errors import IsospikeWarning, NativeError
from isospike.kernels import cache

SOURCES = tuple(sorted(Path(__file__).parent.glob("*.c")))
FLAGS = ("-O3", "-std=gnu11", "-fPIC", "-fopenmp")
CAPABILITIES = {
    "AVX512": ("-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma"),
    "AVX2": ("-mavx2", "-mfma"),
}
"""Processor capability, as torch names it -> flags. Others were never measured and stay with torch."""
TYPES = {torch.float32: ("-DREAL=float", "-DREAL_IS_FLOAT"), torch.float64: ("-DREAL=double",)}
"""Type of the network -> flags."""
ROUNDED = ("-ffp-contract=off", "-fno-trapping-math")
OWN_FLAGS = {"tracker": ROUNDED, "quantise": ROUNDED}
"""Further flags of single sources, by stem. The second one changes no value; gcc rounds vectors down only with it."""
COMPILE_SECONDS = 120


@functools.cache
def outcome(dtype: torch.dtype) -> ctypes.CDLL | NativeError:
    """The kernels, or why there are none: neither is found out twice in one process."""
    try:
        return load_library(dtype)
    except NativeError as error:
        return error


def load_library(dtype: torch.dtype) -> ctypes.CDLL:
    """The kernels for one type, compiled if need be.

    Raises:
        NativeError: this processor or type has no kernels, there is no compiler, or it fails.
    """
    capability = torch.backends.cpu.get_cpu_capability()
    if capability not in CAPABILITIES:
        raise NativeError(f"the native kernels need a processor with AVX2 or AVX-512; torch reports {capability}")
    if dtype not in TYPES:
        raise NativeError(f"the native kernels compute in float32 and float64, not in {dtype}")
    loaded = _load(_library((*FLAGS, *CAPABILITIES[capability], *TYPES[dtype])))
    pointer, number, size = ctypes.c_void_p, ctypes.c_int32, ctypes.c_int64
    loaded.convolve.argtypes = [pointer] * 5 + [number] * 3 + [pointer] * 3
    loaded.convolve.restype = None
    loaded.count_codes.argtypes = [pointer, size, size, number, number, pointer, pointer]
    loaded.count_codes.restype = number
    real = ctypes.c_float if dtype is torch.float32 else ctypes.c_double
    loaded.quantise.argtypes = [*[pointer] * 5, *[size] * 3, real, real, number]
    loaded.quantise.restype = None
    loaded.track.argtypes = [*[pointer] * 2, size, *[pointer] * 2, size, *[pointer] * 3, *[size] * 3, number, pointer]
    loaded.track.restype = None
    return loaded


def availability() -> str | None:
    """Why the native kernels do not run here; ``None`` if they do."""
    result = outcome(torch.float32)
    return str(result) if isinstance(result, NativeError) else None


def _library(flags: tuple[str, ...]) -> bytes:
    """The library for these flags: the kept one, or one made now and kept for the next process where that is safe."""
    compiler = _compiler()
    options = "\0".join((compiler, *flags, repr(OWN_FLAGS)))
    content = b"".join(source.read_bytes() for source in SOURCES) + options.encode()
    name = f"{hashlib.sha256(content).hexdigest()[:24]}.so"
    library = cache.read_library(name)
    if library is None:
        library = _compile(compiler, flags)
        try:
            cache.keep(name, library)
        except NativeError as error:
            warnings.warn(f"every process compiles the kernels anew: {error}", IsospikeWarning, stacklevel=2)
    return library


def _compile(compiler: str, flags: tuple[str, ...]) -> bytes:
    """Compile and link; without an OpenMP library of its own, the threads are those of torch's, loaded already."""
    try:
        with tempfile.TemporaryDirectory() as private:
            compiled, made = [f"{private}/{source.stem}.o" for source in SOURCES], Path(private, "kernels.so")
            for source, part in zip(SOURCES, compiled, strict=True):
                _run(compiler, *flags, *OWN_FLAGS.get(source.stem, ()), "-c", str(source), "-o", part)
            _run(compiler, "-shared", *compiled, "-o", str(made))
            return made.read_bytes()
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").strip().splitlines()
        raise NativeError(f"{compiler} failed on the native kernels: {lines[0] if lines else error}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NativeError(f"the native kernels cannot be compiled: {error}") from error


def _load(library: bytes) -> ctypes.CDLL:
    """Load a library from memory: what is loaded is what was verified, and no folder need allow execution.

    The descriptor stays open, because the loader knows a library by the name of its file, which has the number in it.
    """
    try:
        handle = os.memfd_create("isospike-native")
        with open(handle, "wb", closefd=False) as file:
            file.write(library)
        return ctypes.CDLL(f"/proc/self/fd/{handle}")
    except OSError as error:
        raise NativeError(f"the native kernels cannot be loaded: {error}") from error


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=COMPILE_SECONDS)


def _compiler() -> str:
    """Path of the compiler: ``$CC``, else the first of cc, gcc, clang."""
    for name in (os.environ.get("CC"), "cc", "gcc", "clang"):
        path = shutil.which(name) if name else None
        if path is not None:
            return path
    raise NativeError("no C compiler was found (cc, gcc, clang or $CC); install one, such as gcc")
