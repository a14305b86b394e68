"""Compiled libraries kept in the user's cache, and read again only when no other user can have written them.

A kept file is the library followed by the SHA-256 of its bytes. Whoever reads it gets verified bytes, not a path: what
is loaded is what was checked, whatever happens to the file meanwhile.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from isospike.errors import IsospikeWarning, NativeError

DIGEST_BYTES = hashlib.sha256().digest_size


def folder() -> Path:
    """Where libraries are kept."""
    return platformdirs.user_cache_path("isospike") / "native"


def read_library(name: str) -> bytes | None:
    """The kept library of this name.

    Returns:
        ``None`` where there is none or the folder cannot be trusted, as `keep` then says; and, with a warning, where
        the file is damaged or another user can have written it.
    """
    try:
        with _opened(folder()) as place:
            content = _content(place, name)
    except (FileNotFoundError, NativeError):
        return None
    except OSError:  # a link, or a file that may not be read
        content = b""
    library, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    if hashlib.sha256(library).digest() == digest:
        return library
    warnings.warn(
        f"the kernels are compiled again: {folder() / name} is damaged, or another user can have written it",
        IsospikeWarning,
        stacklevel=2,
    )
    return None


def keep(name: str, library: bytes) -> None:
    """Keep a library under this name, in the place of what has the name.

    Raises:
        NativeError: the folder cannot be written, belongs to another user, or others can write in it.
    """
    path, part = folder(), f".{name}.{secrets.token_hex(8)}.part"
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _opened(path) as place:
            try:
                _write(place, part, library + hashlib.sha256(library).digest())
                os.replace(part, name, src_dir_fd=place, dst_dir_fd=place)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(part, dir_fd=place)
    except OSError as error:
        raise NativeError(f"{path} cannot be written: {error.strerror or error}") from error


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    """A folder that is ours alone, as a descriptor: what is reached through it stays the folder that was checked.

    Raises:
        NativeError: it is no folder that can be read, belongs to another user, or others can write in it.
    """
    try:
        place = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise NativeError(f"{path} cannot be read: {error.strerror or error}") from error
    try:
        if not _is_ours(os.fstat(place)):
            raise NativeError(f"other users can write in {path}; make it yours alone (chown, chmod go-w) or remove it")
        yield place
    finally:
        os.close(place)


def _is_ours(status: os.stat_result) -> bool:
    """Whether it belongs to this user, and nobody else can write it."""
    return status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _content(place: int, name: str) -> bytes:
    """Bytes of a file that is ours alone, nothing of any other. A link is an error; a pipe is not waited for."""
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
    with open(handle, "rb") as file:
        status = os.fstat(handle)
        return file.read() if stat.S_ISREG(status.st_mode) and _is_ours(status) else b""


def _write(place: int, name: str, content: bytes) -> None:
    """Write a new file that only this user can write, whatever the umask."""
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=place)
    with open(handle, "wb") as file:
        file.write(content)
