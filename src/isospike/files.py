"""Writing files so that a failure never leaves half of one: beside, then renamed."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from isospike.errors import OutputError
from isospike.messages import with_article


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary path whose content ``path`` takes when the block ends without an error.

    The temporary file lies beside the target and takes its place. Of a symbolic link the target is the file that it
    points to. A device or a pipe stays what it is: the content is written to it, from a file of the temporary folder.

    Raises:
        OutputError: the path cannot be written.
    """
    check_writable(path)
    target = Path(os.path.realpath(path))
    streamed = _is_stream(_mode(Path(path)))
    part = _empty_in(Path(tempfile.gettempdir()) if streamed else target.parent, Path(path))
    try:
        yield part
        if streamed:
            _pour(part, Path(path))
        else:
            part.chmod(0o666 & ~_umask())
            part.replace(target)
    except OSError as error:
        raise _refused(Path(path), error) from error
    finally:
        part.unlink(missing_ok=True)


def check_writable(path: str | Path) -> None:
    """Refuse a path that cannot be written, before the work that would fill it.

    Raises:
        OutputError: no path; the folder is missing or not writable; or the path is a folder, a disk or a socket.
    """
    if not isinstance(path, str | os.PathLike):
        raise OutputError(f"cannot write to {with_article(path)}; give the path of a file")
    target = Path(path)
    mode = _mode(target)
    for is_kind, name in _NO_FILES.items():
        if is_kind(mode):
            raise OutputError(f"cannot write {target}: it is a {name}; give a file name")
    if _is_stream(mode):
        if not os.access(target, os.W_OK):
            raise OutputError(f"cannot write {target}: no permission")
        return
    folder = Path(os.path.realpath(target)).parent
    named = folder if target.is_symlink() else target.parent
    if not folder.is_dir():
        raise OutputError(f"cannot write {target}: the folder {named} does not exist; create it first")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write {target}: no permission to write in {named}")


_NO_FILES = {stat.S_ISDIR: "folder", stat.S_ISBLK: "disk", stat.S_ISSOCK: "socket"}


def _mode(path: Path) -> int:
    """What lies behind a path and its links, as the system says it; 0 where nothing does.

    Raises:
        OutputError: no path can be like this one.
    """
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return 0
    except OSError as error:  # a name too long, links in a circle
        raise _refused(path, error) from error
    except ValueError as error:
        raise OutputError(f"cannot write {str(path)!r}: {error}") from error


def _is_stream(mode: int) -> bool:
    """Whether it is a character device or a pipe, which takes bytes and holds no file."""
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def _pour(part: Path, stream: Path) -> None:
    with part.open("rb") as source, stream.open("wb") as sink:
        shutil.copyfileobj(source, sink)


def _empty_in(folder: Path, path: Path) -> Path:
    """A new empty file; its name is short, since that of ``path`` may be as long as names can be."""
    try:
        handle, name = tempfile.mkstemp(prefix=".isospike-", suffix=".part", dir=folder)
    except OSError as error:
        raise _refused(path, error) from error
    os.close(handle)
    return Path(name)


def _refused(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot write {path}: {error.strerror or error}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
