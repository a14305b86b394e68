"""Kept libraries: read only when no other user can have written them, verified, and made again when wrong."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest
import torch

from isospike.errors import IsospikeWarning, NativeError
from isospike.kernels import availability, cache, library

NAME, LIBRARY = "kernels.so", b"\x7fELF, or so it says"
DAMAGED = "compiled again: .*kernels.so is damaged, or another user can have written it"


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch) -> Path:
    """A cache with one library in it, as `keep` leaves it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache.keep(NAME, LIBRARY)
    return tmp_path / "isospike" / "native" / NAME


def is_another_user(monkeypatch) -> None:
    """From now on every file here is somebody else's."""
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(cache.folder()).st_uid + 1)


def test_what_is_kept_is_read(kept):
    assert cache.read_library(NAME) == LIBRARY
    assert cache.read_library("other.so") is None
    assert [path.name for path in kept.parent.iterdir()] == [NAME]


def test_only_the_user_can_write_what_is_kept(kept):
    """Also where the umask would let the group."""
    mask = os.umask(0o002)
    try:
        cache.keep("wide.so", LIBRARY)
    finally:
        os.umask(mask)
    assert cache.read_library("wide.so") == LIBRARY
    for path in (kept.parent, kept, kept.with_name("wide.so")):
        assert path.stat().st_mode & 0o022 == 0


@pytest.mark.parametrize("length", [0, 1, 31, 32, 40, len(LIBRARY) + 31])
def test_a_truncated_file_is_not_read(kept, length):
    kept.write_bytes(kept.read_bytes()[:length])
    with pytest.warns(IsospikeWarning, match=DAMAGED):
        assert cache.read_library(NAME) is None
    cache.keep(NAME, LIBRARY)
    assert cache.read_library(NAME) == LIBRARY


def test_a_planted_file_is_not_read(kept):
    """Somebody could write here, put a library with a right digest, and the folder was closed again."""
    kept.chmod(0o666)
    with pytest.warns(IsospikeWarning, match=DAMAGED):
        assert cache.read_library(NAME) is None


@pytest.mark.parametrize("changed", [0, 7, -1])
def test_every_byte_counts(kept, changed):
    content = bytearray(kept.read_bytes())
    content[changed] ^= 1
    kept.write_bytes(content)
    with pytest.warns(IsospikeWarning, match=DAMAGED):
        assert cache.read_library(NAME) is None


def test_links_pipes_and_folders_are_not_read(kept):
    elsewhere = kept.rename(kept.parents[2] / "elsewhere.so")
    for plant in (kept.symlink_to, lambda _: os.mkfifo(kept), lambda _: kept.mkdir()):
        plant(elsewhere)
        with pytest.warns(IsospikeWarning, match=DAMAGED):
            assert cache.read_library(NAME) is None
        kept.rmdir() if kept.is_dir() else kept.unlink()


def test_a_link_is_replaced_not_followed(kept):
    elsewhere = kept.rename(kept.parents[2] / "elsewhere.so")
    kept.symlink_to(elsewhere)
    cache.keep(NAME, b"new")
    assert not kept.is_symlink()
    assert elsewhere.read_bytes().startswith(LIBRARY)
    assert cache.read_library(NAME) == b"new"


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777, 0o1777])
def test_a_folder_that_others_can_write_is_not_used(kept, mode):
    kept.parent.chmod(mode)
    assert cache.read_library(NAME) is None
    with pytest.raises(NativeError, match=r"other users can write in .*native; make it yours alone"):
        cache.keep("other.so", LIBRARY)
    assert not kept.with_name("other.so").exists()


def test_the_folder_of_another_user_is_not_used(monkeypatch):
    is_another_user(monkeypatch)
    assert cache.read_library(NAME) is None
    with pytest.raises(NativeError, match="other users can write in"):
        cache.keep(NAME, LIBRARY)


def test_a_link_to_the_folder_is_judged_by_where_it_leads(kept):
    moved = kept.parent.rename(kept.parents[2] / "scratch")
    kept.parent.symlink_to(moved)
    assert cache.read_library(NAME) == LIBRARY
    moved.chmod(0o777)
    assert cache.read_library(NAME) is None


needs_kernels = pytest.mark.skipif(availability() is not None, reason=f"no native kernels: {availability()}")


@needs_kernels
@pytest.mark.parametrize("damage", ["empty", "truncated", "planted", "link", "open folder", "no folder"])
def test_whatever_lies_in_the_cache_the_kernels_are_loaded(kept, damage, monkeypatch):
    """A truncated library ended the process; an empty one was an error for ever; a planted one was loaded."""
    compiled = []
    monkeypatch.setattr(library, "_compile", lambda *_: compiled.append(1) or b"the right one")
    monkeypatch.setattr(library, "_load", {b"the right one": mock.Mock()}.__getitem__)  # nothing else may be loaded
    kept.unlink()
    library.load_library(torch.float32)
    (path,) = kept.parent.iterdir()
    right, elsewhere = path.read_bytes(), kept.parents[2] / "elsewhere"
    elsewhere.write_bytes(b"wrong")
    assert len(compiled) == 1
    {
        "empty": lambda: path.write_bytes(b""),
        "truncated": lambda: path.write_bytes(right[:-5]),
        "planted": lambda: path.write_bytes(b"wrong"),
        "link": lambda: (path.unlink(), path.symlink_to(elsewhere)),
        "open folder": lambda: (path.write_bytes(b"wrong"), kept.parent.chmod(0o777)),
        "no folder": lambda: (path.unlink(), kept.parent.rmdir(), kept.parent.write_text("a file in its place")),
    }[damage]()
    unsafe = damage in ("open folder", "no folder")
    with pytest.warns(IsospikeWarning, match="every process compiles" if unsafe else "compiled again"):
        library.load_library(torch.float32)
    assert len(compiled) == 2
    if not unsafe:
        library.load_library(torch.float32)
        assert (len(compiled), path.read_bytes()) == (2, right)


@needs_kernels
def test_both_types_are_loaded_side_by_side():
    """The loader tells libraries apart by name; two of one name would be one."""
    single, double = library.outcome(torch.float32), library.outcome(torch.float64)
    assert single._handle != double._handle
