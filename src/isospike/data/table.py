"""Rows and columns of a text file with tabs between, plain or in an archive."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isospike.errors import DataError

LARGEST = 2**30
"""Bytes of a file; those of GLUE have less than a tenth."""


@dataclass(frozen=True)
class TextTable:
    """Rows of a file, each with the cells that it has."""

    path: str
    """Of the file, with the archive's before it."""
    rows: Sequence[Sequence[str]]

    def column(self, index: int, called: str, *, first: int) -> list[str]:
        """The cells of a column, from the row ``first`` on.

        Raises:
            DataError: rows have too few cells; the first is named.
        """
        short = [number for number, row in enumerate(self.rows) if number >= first and len(row) <= index]
        if short:
            has = len(self.rows[short[0]])
            raise DataError(
                f"row {short[0] + 1} of '{self.path}' has {has} columns and no column '{called}' "
                f"({len(short)} such rows); leave them out, or name other columns: tsv:FILE#TEXT,LABEL"
            )
        return [row[index] for row in self.rows[first:]]


def read_table(path: Path) -> TextTable:
    """The rows of ``FILE`` or ``ARCHIVE.zip/FILE``: one for each line, cells between tabs, quotes as they are.

    Raises:
        DataError: there is no such file, it is too large, or not UTF-8.
    """
    try:
        text = _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = error.object.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"'{path}' is not UTF-8: byte 0x{error.object[error.start]:02x} in row {row}; save it as UTF-8"
        ) from error
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return TextTable(str(path), [line.split("\t") for line in lines])


def has_table(path: Path) -> bool:
    """Whether there is such a file, in an archive or not."""
    found = _archive(path)
    if found is None:
        return path.is_file()
    try:
        with zipfile.ZipFile(found) as archive:
            return _member(path, found) in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def _bytes(path: Path) -> bytes:
    archive = _archive(path)
    try:
        if archive is None:
            if path.stat().st_size > LARGEST:
                raise DataError(f"'{path}' has more than {LARGEST >> 20} MiB; split it")
            return path.read_bytes()
        with zipfile.ZipFile(archive) as opened:
            if opened.getinfo(_member(path, archive)).file_size > LARGEST:
                raise DataError(f"'{path}' unpacks to more than {LARGEST >> 20} MiB; split it")
            return opened.read(_member(path, archive))
    except (OSError, KeyError) as error:
        raise DataError(f"there is no file '{path}'") from error
    except DataError:
        raise
    except Exception as error:  # damaged archives fail in many ways: zip, zlib, passwords
        raise DataError(f"'{archive}' is no readable zip archive") from error


def _archive(path: Path) -> Path | None:
    """The archive on the way to a file that is none itself."""
    return next((one for one in path.parents if one.suffix.lower() == ".zip" and one.is_file()), None)


def _member(path: Path, archive: Path) -> str:
    return path.relative_to(archive).as_posix()
