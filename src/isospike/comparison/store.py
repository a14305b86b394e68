"""Finished cells in a folder: one small file each, found again by what they were made of."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isospike.comparison.cell import Cell
from isospike.comparison.entries import Job
from isospike.comparison.identity import Identity
from isospike.errors import DataError, OutputError
from isospike.files import replacing
from isospike.json_text import read_json
from isospike.results import Stored

SUFFIX = ".cell.json"


@dataclass(frozen=True)
class Kept(Stored):
    """One finished cell."""

    cell: Cell
    ann_energy_pj: dict[str, float]
    """Energy of the ANN, by energy model."""
    macs: int
    """Multiply-accumulates of the ANN that the energy is of: without those with the zeros of a padding."""
    macs_with_padding: int
    """With these."""


class Store:
    """The folder of one comparison.

    Args:
        folder: where the files are; made if it is missing.
        identity: the network and the data that the results must belong to.
        setting: what else a cell depends on, as JSON has it.

    Raises:
        OutputError: results of another network or other data, with what differs; a damaged file; no such folder.
    """

    def __init__(self, folder: str | Path, identity: Identity, setting: dict[str, Any]) -> None:
        self.folder, self.identity, self.setting = Path(folder), identity, setting
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot keep results in {folder}: {error.strerror or error}") from error
        for path in sorted(self.folder.glob(f"*{SUFFIX}")):
            self._check(path)

    def find(self, job: Job, steps: int | None) -> Kept | None:
        """The finished cell of a job, where there is one.

        Raises:
            OutputError: its file is damaged, or holds the cell of something else.
        """
        path = self._path(job, steps)
        if not path.exists():
            return None
        values = _whole(path, _read(path))
        kept = Kept.made_of(values)
        cell = replace(kept.cell, label=job.label)
        if (cell.method, cell.options) != (job.method.name(), job.method.options()) or steps not in (None, cell.steps):
            raise _damaged(path)
        return replace(kept, cell=cell)

    def keep(self, job: Job, steps: int | None, kept: Kept) -> None:
        """Write a cell."""
        values = {"identity": self.identity.to_dict(), **kept.to_dict()}
        with replacing(self._path(job, steps)) as part:
            part.write_text(json.dumps({**values, "digest": _digest(values)}, indent=1) + "\n")

    def _path(self, job: Job, steps: int | None) -> Path:
        made_of = [job.method.name(), job.method.options(), steps, self.setting, self.identity.to_dict()]
        digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
        return (
            self.folder
            / f"{re.sub(r'[^A-Za-z0-9_-]+', '_', job.method.name())}-T{steps or 'own'}-{digest[:16]}{SUFFIX}"
        )

    def _check(self, path: Path) -> None:
        values = _read(path)
        for what, here in self.identity.to_dict().items():
            there = values["identity"].get(what)
            if there != here:
                raise OutputError(
                    f"{self.folder} keeps results of another {WHAT[what]} ({str(there)[:12]}, here {here[:12]}); "
                    "results are never mixed: give another folder"
                )
        _whole(path, values)


WHAT = {
    "model": "model",
    "calibration": "calibration data",
    "test": "test data",
    "version": "version of isospike",
}
"""Parts of an identity as a message names them."""


def _read(path: Path) -> dict[str, Any]:
    """What a file holds.

    Raises:
        OutputError: it is no file of a cell.
    """
    try:
        values = read_json(path)
    except DataError as error:
        raise _damaged(path) from error
    if not isinstance(values, dict) or not isinstance(values.get("identity"), dict):
        raise _damaged(path)
    return values


def _whole(path: Path, values: dict[str, Any]) -> dict[str, Any]:
    """``values`` if they are as they were written.

    Raises:
        OutputError: something was changed.
    """
    content = {name: value for name, value in values.items() if name != "digest"}
    if values.get("digest") != _digest(content):
        raise _damaged(path)
    try:
        return Kept.check(content)
    except DataError as error:  # of a version with other cells
        raise _damaged(path) from error


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _damaged(path: Path) -> OutputError:
    return OutputError(f"{path} is damaged; delete it, and the same command measures it again")
