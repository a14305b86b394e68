"""Compiling on the user's machine: once, into the user's cache, and never a reason to fail."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from isospike.errors import NativeError
from isospike.kernels import SparseConvolution, availability, library


@pytest.fixture
def fresh(tmp_path, monkeypatch):
    """An empty cache, nothing loaded yet, and a processor for which there are kernels."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    library.outcome.cache_clear()
    yield tmp_path
    library.outcome.cache_clear()


@pytest.mark.skipif(availability() is not None, reason=f"no native kernels: {availability()}")
def test_compiles_once(fresh, monkeypatch):
    library.load_library(torch.float32)
    (made,) = fresh.glob("isospike/native/*")
    assert made.suffix == ".so"
    library.outcome.cache_clear()
    monkeypatch.setattr(library, "_run", None)
    library.load_library(torch.float32)


def test_without_a_compiler_torch_computes(fresh, monkeypatch):
    monkeypatch.setenv("PATH", str(fresh))
    monkeypatch.delenv("CC", raising=False)
    assert "no C compiler was found" in availability()
    module, x = nn.Conv2d(2, 3, 3), torch.rand(2, 2, 5, 5)
    assert torch.equal(SparseConvolution(module)(x), module(x))


def test_a_compiler_that_fails_is_named(fresh, monkeypatch):
    compiler = fresh / "broken"
    compiler.write_text("#!/bin/sh\necho 'no such target' >&2\nexit 1\n")
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    with pytest.raises(NativeError, match="broken failed on the native kernels: no such target"):
        library.load_library(torch.float32)
    assert not list(fresh.glob("isospike/native/*"))


def test_a_processor_without_kernels(fresh, monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "DEFAULT")
    with pytest.raises(NativeError, match="AVX2 or AVX-512; torch reports DEFAULT"):
        library.load_library(torch.float32)


def test_a_type_without_kernels(fresh):
    with pytest.raises(NativeError, match=r"not in torch\.float16"):
        library.load_library(torch.float16)
