"""Finished cells in a folder: one small file each, found again by what they were made of."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isospike.compare.cell import Cell
from isospike.compare.entries import Job
from isospike.compare.identity import Identity
from isospike.errors import OutputError
from isospike.files import replacing

SUFFIX = ".cell.json"


@dataclass(frozen=True)
class Kept:
    """One finished cell."""

    cell: Cell
    ann_energy_pj: dict[str, float]
    """Energy of the ANN, by energy model."""


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
        """The finished cell of a job, where there is one."""
        path = self._path(job, steps)
        if not path.exists():
            return None
        values = _read(path)
        return Kept(Cell.from_dict({**values["cell"], "label": job.label}), values["ann_energy_pj"])

    def keep(self, job: Job, steps: int | None, kept: Kept) -> None:
        """Write a cell."""
        values = {
            "identity": self.identity.to_dict(),
            "cell": kept.cell.to_dict(),
            "ann_energy_pj": kept.ann_energy_pj,
        }
        with replacing(self._path(job, steps)) as part:
            part.write_text(json.dumps(values, indent=1) + "\n")

    def _path(self, job: Job, steps: int | None) -> Path:
        made_of = [job.method.name(), job.method.options(), steps, self.setting, self.identity.to_dict()]
        digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()
        return (
            self.folder
            / f"{re.sub(r'[^A-Za-z0-9_-]+', '_', job.method.name())}-T{steps or 'own'}-{digest[:16]}{SUFFIX}"
        )

    def _check(self, path: Path) -> None:
        known = _read(path)["identity"]
        for what, here in self.identity.to_dict().items():
            there = known.get(what)
            if there != here:
                raise OutputError(
                    f"{self.folder} keeps results of another {WHAT[what]} ({str(there)[:12]}, here {here[:12]}); "
                    "results are never mixed: give another folder"
                )


WHAT = {
    "model": "model",
    "calibration": "calibration data",
    "test": "test data",
    "version": "version of isospike",
}
"""Parts of an identity as a message names them."""


def _read(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
        if {"identity", "cell", "ann_energy_pj"} <= set(values) and isinstance(values["identity"], dict):
            return dict(values)
    except (OSError, ValueError, TypeError):
        pass
    raise OutputError(f"{path} is damaged; delete it, and the same command measures it again")
