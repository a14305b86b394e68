"""Writing files so that a failure never leaves half of one: beside, then renamed."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from isospike.errors import OutputError
from isospike.messages import with_article


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path beside ``path`` that takes its place when the block ends without an error.

    Raises:
        OutputError: the folder does not exist or cannot be written to.
    """
    check_writable(path)
    target = Path(path)
    part = _empty_beside(target)
    try:
        yield part
        part.chmod(0o666 & ~_umask())
        part.replace(target)
    except OSError as error:
        raise _refused(target, error) from error
    finally:
        part.unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """Refuse a path that cannot be written, before the work that would fill it.

    Raises:
        OutputError: no path, the folder is missing or not writable, or the path is a folder.
    """
    if not isinstance(path, str | os.PathLike):
        raise OutputError(f"cannot write to {with_article(path)}; give the path of a file")
    target = Path(path)
    if target.is_dir():
        raise OutputError(f"cannot write {target}: it is a folder; give a file name")
    if not target.parent.is_dir():
        raise OutputError(f"cannot write {target}: the folder {target.parent} does not exist; create it first")
    if not os.access(target.parent, os.W_OK):
        raise OutputError(f"cannot write {target}: no permission to write in {target.parent}")


def _empty_beside(target: Path) -> Path:
    """A new empty file in the folder of ``target``."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    except OSError as error:
        raise _refused(target, error) from error
    os.close(handle)
    return Path(name)


def _refused(target: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write {target}: {error.strerror or error}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
